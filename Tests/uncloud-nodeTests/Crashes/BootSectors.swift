/// Guests without an operating system: disks of a megabyte whose first sector the BIOS runs.
enum BootSectors {
    /// Halts and heeds no power button: `hlt; jmp -3`.
    static let halts = disk([0xf4, 0xeb, 0xfd])
    /// Powers off by ACPI: `mov dx, 0x604; mov ax, 0x2000; out dx, ax`, then as above.
    static let powersOff = disk([0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4, 0xeb, 0xfd])
    /// Heeds the power button, and writes an R to the serial port at each tick of the clock, so that it is seen to be there.
    static let heedsButton = disk([
        0xfb,  // sti
        0xba, 0x02, 0x06, 0xb8, 0x00, 0x01, 0xef,  // PM1_EN: the power button
        0xf4,  // again: hlt
        0xba, 0xf8, 0x03, 0xb0, 0x52, 0xee,  // R
        0xba, 0x00, 0x06, 0xed, 0xf6, 0xc4, 0x01, 0x74, 0xf0,  // PM1_STS: not pressed? again
        0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4, 0xeb, 0xfd,  // as powersOff
    ])

    private static func disk(_ code: [UInt8]) -> [UInt8] {
        // A megabyte: SeaBIOS reads nothing from a virtio disk of a single sector.
        code + [UInt8](repeating: 0, count: 510 - code.count) + [0x55, 0xaa]
            + [UInt8](repeating: 0, count: (1 << 20) - 512)
    }
}
