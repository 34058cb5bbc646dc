internal import CLinux
internal import Glibc

/// What a finished process left.
public struct ProcessOutput: Sendable, Hashable {
    /// How it ended.
    public var status: ExitStatus
    /// Its standard output, up to the limit.
    public var output: [UInt8]
    /// Its standard error, up to the limit.
    public var error: [UInt8]
    /// Whether either was longer than the limit; the rest was read and dropped.
    public var isTruncated: Bool

    /// Its standard output as text.
    public var text: String { String(decoding: output, as: UTF8.self) }
    /// Its standard error as text.
    public var errorText: String { String(decoding: error, as: UTF8.self) }
}

/// Runs a process to its end, feeding and collecting its standard streams.
///
/// A descendant that keeps the pipes open after the process's end delays the return by at most a second.
///
/// - Parameters:
///   - spec: what to run; 0, 1 and 2 are set here.
///   - input: its standard input; nil for /dev/null.
///   - outputLimit: how many bytes of each output to keep.
///   - loop: where the pipes are served.
///   - isolation: the caller's actor, on whose executor this waits.
/// - Returns: status and output; a failing status is no error here.
/// - Throws: `SystemError` when it cannot be started; `CancellationError`, and then the process has been killed.
public func runProcess(
    _ spec: ProcessSpec, input: [UInt8]? = nil, outputLimit: Int = 1 << 20, on loop: EventLoop,
    isolation: isolated (any Actor)? = #isolation
) async throws -> ProcessOutput {
    var spec = spec
    let output = try Pipe()
    let error = try Pipe()
    let feed = try input.map { _ in try Pipe() }
    spec.inheritedDescriptors[0] = feed?.reading.number
    spec.inheritedDescriptors[1] = output.writing.number
    spec.inheritedDescriptors[2] = error.writing.number
    let child = try await ChildProcess.spawn(spec, on: loop)
    // Our copies of the child's ends: without this our reads would never end.
    for pipe in [output, error] { pipe.writing.close() }
    feed?.reading.close()
    let streams = [output, error].map { Connection(adopting: $0.reading.release(), on: loop) }
    let collectors = streams.map { stream in
        spawn(on: loop, "output of \(spec.executable)") { try await collect(stream, limit: outputLimit) }
    }
    var feeder: Task<Void, any Error>?
    if let feed, let input {
        let stream = Connection(adopting: feed.writing.release(), on: loop)
        feeder = spawn(on: loop, "input of \(spec.executable)") {
            // A program that does not read all of its input is free not to.
            try? await stream.write(input)
            stream.close()
        }
    }
    defer { feeder?.cancel() }
    let status: ExitStatus
    do {
        status = try await child.waitForExit()
    } catch {
        try? child.kill()
        for stream in streams { stream.close() }
        throw error
    }
    let patience = loop.schedule(after: .seconds(1)) { for stream in streams { stream.close() } }
    defer { patience.cancel() }
    let (first, second) = (try await collectors[0].value, try await collectors[1].value)
    return ProcessOutput(
        status: status, output: first.bytes, error: second.bytes,
        isTruncated: first.truncated || second.truncated)
}

private struct Pipe {
    let reading: FileDescriptor
    let writing: FileDescriptor

    init() throws(SystemError) {
        var ends: [CInt] = [-1, -1]
        try SystemError.check(unsafe cl_pipe(&ends, 0), "pipe")
        reading = FileDescriptor(owning: ends[0])
        writing = FileDescriptor(owning: ends[1])
    }
}

private func collect(_ stream: Connection, limit: Int) async throws -> (bytes: [UInt8], truncated: Bool) {
    var bytes: [UInt8] = []
    var truncated = false
    while true {
        do {
            guard let more = try await stream.read() else { break }
            let room = limit - bytes.count
            bytes += more.prefix(max(room, 0))
            if more.count > room { truncated = true }
        } catch let error as UVError where error.isCancelled {
            // Closed after the process's end, since a descendant still holds the pipe.
            break
        }
    }
    stream.close()
    return (bytes, truncated)
}
