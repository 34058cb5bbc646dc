internal import CLibuv

/// A stream's place in the wheel, kept within the stream so that a timeout costs no allocation.
@safe
struct WheelLink {
    // SAFETY: a linked stream is open and therefore retained; it is unlinked when it closes.
    fileprivate var next: Unmanaged<StreamHandle>?
    fileprivate var previous: Unmanaged<StreamHandle>?
    /// The tick, a quarter of a second, at which the stream times out; 0 for never. (32 bits of them are 34 years.)
    fileprivate var deadline: UInt32 = 0
    /// The tick of the slot it is linked into, 0 if none; never later than the deadline, but often earlier.
    fileprivate var slotTick: UInt32 = 0

    /// As long as libuv does not know the stream, so that nothing retains it: milliseconds to be set then, 0 for none, at most
    /// 49 days. In the deadline's place, which is free until then.
    var pending: UInt32 {
        get { deadline }
        set { deadline = newValue }
    }
}

/// Coarse timeouts of streams: a quarter of a second fine, nearly free to set again and again.
///
/// A stream stays in the slot it was put into while its deadline moves on; when the slot's turn comes, it is put where it
/// belongs by then. A deadline beyond the wheel's 65 seconds waits in the last slot and moves once a round: levels of
/// coarser wheels would move it as often, from one to the next (`TimerWheelTests` counts). Only the loop's thread uses it.
@safe
final class TimerWheel {
    private static let shift: UInt64 = 8  // ticks of 256 ms
    private static let slotCount = 256

    private var slots = unsafe [Unmanaged<StreamHandle>?](repeating: nil, count: TimerWheel.slotCount)
    /// The last tick that was dealt with.
    private var cursor: UInt32 = 0
    private var armedFor: UInt32 = 0
    private(set) var count = 0
    /// Times that the wheel was looked at, and that a stream was put into a slot.
    private(set) var wakes = 0
    private(set) var moves = 0

    /// The tick of a time in milliseconds. One that is too far away comes sooner, which is after 34 years.
    private static func tick(_ milliseconds: UInt64) -> UInt32 {
        UInt32(clamping: min(milliseconds >> shift, 0xffff_0000))
    }

    func set(_ stream: StreamHandle, milliseconds: UInt64, loop: EventLoop) {
        let now = loop.nowMilliseconds
        if count == 0 { cursor = Self.tick(now) }
        // A tick later, since the present one has begun.
        let deadline = Self.tick(now + milliseconds) + 1
        stream.wheelLink.deadline = deadline
        let linked = stream.wheelLink.slotTick
        if linked != 0 && linked <= deadline { return }
        if linked != 0 { unlink(stream) }
        link(stream)
        arm(for: stream.wheelLink.slotTick, loop: loop)
    }

    func remove(_ stream: StreamHandle) {
        stream.wheelLink.deadline = 0
        if stream.wheelLink.slotTick != 0 { unlink(stream) }
    }

    private func link(_ stream: StreamHandle) {
        let tick = max(min(stream.wheelLink.deadline, cursor + UInt32(Self.slotCount) - 1), cursor + 1)
        let slot = Int(tick) & (Self.slotCount - 1)
        stream.wheelLink.slotTick = tick
        unsafe stream.wheelLink.next = slots[slot]
        unsafe stream.wheelLink.previous = nil
        unsafe slots[slot]?._withUnsafeGuaranteedRef { unsafe $0.wheelLink.previous = .passUnretained(stream) }
        unsafe slots[slot] = .passUnretained(stream)
        count += 1
        moves += 1
    }

    private func unlink(_ stream: StreamHandle) {
        let (next, previous) = unsafe (stream.wheelLink.next, stream.wheelLink.previous)
        if let previous = unsafe previous {
            unsafe previous._withUnsafeGuaranteedRef { unsafe $0.wheelLink.next = next }
        } else {
            unsafe slots[Int(stream.wheelLink.slotTick) & (Self.slotCount - 1)] = next
        }
        unsafe next?._withUnsafeGuaranteedRef { unsafe $0.wheelLink.previous = previous }
        unsafe stream.wheelLink.next = nil
        unsafe stream.wheelLink.previous = nil
        stream.wheelLink.slotTick = 0
        count -= 1
    }

    /// Wakes the loop at the tick, unless it wakes earlier for another.
    private func arm(for tick: UInt32, loop: EventLoop) {
        if loop.local.ending || armedFor != 0 && armedFor <= tick { return }
        armedFor = tick
        if loop.time != nil { return }
        let (now, due) = (loop.nowMilliseconds, UInt64(tick) << Self.shift)
        // SAFETY: on the loop; the handle is alive until `closed`.
        unsafe uv_timer_start(
            loop.local.wheelHandle,
            { handle in
                guard let handle = unsafe handle, let loop = unsafe EventLoop.of(handle.pointee.loop) else { return }
                loop.observation.began(.timer)
                loop.local.wheel.advance(loop: loop)
                loop.afterCallback()
            }, due > now ? due - now : 0, 0)
    }

    /// When the wheel has to be looked at, in nanoseconds; nil while it is empty.
    var nextNanoseconds: UInt64? { count > 0 && armedFor > 0 ? (UInt64(armedFor) << Self.shift) * 1_000_000 : nil }

    func advance(loop: EventLoop) {
        armedFor = 0
        wakes += 1
        let now = Self.tick(loop.nowMilliseconds)
        while cursor < now && count > 0 {
            cursor += 1
            let slot = Int(cursor) & (Self.slotCount - 1)
            while let stream = unsafe slots[slot]?.takeUnretainedValue() {
                unlink(stream)
                if stream.wheelLink.deadline > cursor {
                    link(stream)
                } else if stream.wheelLink.deadline != 0 {
                    stream.wheelLink.deadline = 0
                    stream.delegate?.streamDidTimeOut(stream)
                }
            }
        }
        cursor = max(cursor, now)
        if count == 0 { return }
        for tick in cursor + 1..<cursor + UInt32(Self.slotCount) {
            if unsafe slots[Int(tick) & (Self.slotCount - 1)] != nil { return arm(for: tick, loop: loop) }
        }
    }
}
