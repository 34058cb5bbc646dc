public import JSON

/// Something that happened in QEMU.
///
/// Events are told once, never replayed: after a reconnect or after `lagged`, query the state.
public enum MonitorEvent: Sendable, Hashable {
    /// The guest or QEMU stops for good. `reason` is `guest-shutdown`, `guest-reset`, `host-qmp-quit`, `host-signal`, ...
    case shutdown(guest: Bool, reason: String)
    /// The machine was reset and runs on.
    case reset(guest: Bool, reason: String)
    /// The CPUs stand still.
    case stop
    /// The CPUs run again.
    case resume
    /// ACPI's power button was pressed; what comes of it is up to the guest.
    case powerdown
    /// The guest sleeps.
    case suspend
    /// The guest woke.
    case wakeup
    /// The guest told of its panic (pvpanic). `action` is what QEMU does: `pause`, `poweroff` or `run`.
    case guestPanicked(action: String)
    /// Hot-unplug is done. `device` is its id, if it had one; `path` its place in the object tree.
    case deviceDeleted(device: String?, path: String)
    /// A disk failed. `action` is `report`, `ignore` or `stop`.
    case blockIOError(device: String, node: String?, operation: String, action: String, noSpace: Bool)
    /// The reader was too slow and this many events were dropped before this place: query the state.
    case lagged(dropped: Int)
    /// Any other.
    case other(name: String, data: JSONValue)

    /// The event of this name; what lacks a member gets empty text for it, as nothing here is worth a lost session.
    public init(name: String, data: JSONValue) {
        let text = { (key: String) in data[key]?.stringValue ?? "" }
        let flag = { (key: String) in data[key]?.boolValue ?? false }
        switch name {
        case "SHUTDOWN": self = .shutdown(guest: flag("guest"), reason: text("reason"))
        case "RESET": self = .reset(guest: flag("guest"), reason: text("reason"))
        case "STOP": self = .stop
        case "RESUME": self = .resume
        case "POWERDOWN": self = .powerdown
        case "SUSPEND": self = .suspend
        case "WAKEUP": self = .wakeup
        case "GUEST_PANICKED": self = .guestPanicked(action: text("action"))
        case "DEVICE_DELETED": self = .deviceDeleted(device: data["device"]?.stringValue, path: text("path"))
        case "BLOCK_IO_ERROR":
            self = .blockIOError(
                device: text("device"), node: data["node-name"]?.stringValue, operation: text("operation"),
                action: text("action"), noSpace: flag("nospace"))
        default: self = .other(name: name, data: data)
        }
    }
}
