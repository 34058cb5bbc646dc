import JSON
import Testing
import uncloud_node

@Suite("Sizes, times and tables")
struct FormattingTests {
    @Test(
        "a size shows in the largest unit that leaves at most one decimal",
        arguments: [
            (0, "0B"), (1023, "1023B"), (1024, "1KiB"), (1536, "1.5KiB"), (512 << 20, "512MiB"), (2 << 30, "2GiB"),
            (3 << 29, "1.5GiB"), (1 << 60, "1EiB"),
        ] as [(Int64, String)])
    func size(bytes: Int64, text: String) { #expect(SizeText.format(bytes) == text) }

    @Test("a negative size is unknown, not a number")
    func negativeSize() { #expect(SizeText.format(-1) == "-") }

    @Test(
        "an age is told in its largest unit",
        arguments: [(0, "0s"), (119, "119s"), (120, "2m"), (7_199, "119m"), (7_200, "2h"), (172_800, "2d"), (-5, "0s")]
            as [(Double, String)])
    func age(seconds: Double, text: String) { #expect(TimeText.span(seconds: seconds) == text) }

    @Test("an unknown age is a dash")
    func unknownAge() {
        #expect(TimeText.age(from: nil, now: 0) == "-")
        #expect(TimeText.age(from: "soon", now: 0) == "-")
        #expect(TimeText.age(from: "2026-11-23T08:00:00.500Z", now: 1_795_420_810.5) == "10s")
    }

    @Test(
        "durations need their unit",
        arguments: [
            ("60s", Duration.seconds(60)), ("500ms", .milliseconds(500)), ("2m", .seconds(120)), ("1h", .seconds(3600)),
            ("60", nil), ("s", nil), ("1.5s", nil), ("-1s", nil), ("60 s", nil),
        ] as [(String, Duration?)])
    func duration(text: String, expected: Duration?) { #expect(TimeText.duration(text) == expected) }

    @Test("a table pads its columns, aligns numbers to the right and ends no line in blanks")
    func table() {
        let table = TextTable(
            columns: [.init("NAME"), .init("CPU", alignsRight: true), .init("STATE")],
            rows: [["web1", "2", "running"], ["database", "16", ""]])
        #expect(table.render(headers: true) == "NAME      CPU  STATE\nweb1        2  running\ndatabase   16  -\n")
        #expect(table.render(headers: false) == "web1       2  running\ndatabase  16  -\n")
    }

    @Test("a cell can't move the terminal's cursor")
    func escape() {
        let table = TextTable(columns: [.init("A")], rows: [["x\u{1b}[2Jy\nz"]])
        #expect(table.render(headers: false) == "x [2Jy z\n")
    }
}
