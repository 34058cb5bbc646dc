internal import Glibc

/// The group that a QEMU with a user of its own needs for /dev/kvm, which is closed to others on most systems.
package enum DeviceGroup {
    /// The plan with the device's group as its group, where its own user can't open the device but that group can.
    ///
    /// The users stay apart: what belongs to a machine is open to its user alone, or passed as a descriptor.
    ///
    /// - Parameters:
    ///   - plan: any plan.
    ///   - device: KVM's device.
    /// - Returns: the plan, or the adapted one.
    package static func adapted(_ plan: MachinePlan, device: String = "/dev/kvm") -> MachinePlan {
        var status = stat()
        guard plan.accelerator == .kvm, let uid = plan.uid, stat(device, &status) == 0 else { return plan }
        let open: mode_t = 0o6
        if status.st_uid == uid || status.st_mode & open == open { return plan }
        guard status.st_mode & (open << 3) == open << 3 else { return plan }
        var adapted = plan
        adapted.gid = status.st_gid
        return adapted
    }
}
