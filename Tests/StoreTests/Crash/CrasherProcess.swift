import Foundation
import Glibc
import TestSupport

/// The `store-crasher` executable as a child process.
enum CrasherProcess {
    struct Outcome {
        /// By writer: the highest number acknowledged.
        var acknowledged: [Int: Int] = [:]
        var status: Int32 = 0
        var wasSignaled = false
        var errors = ""
    }

    /// Runs it until it dies by its own hand, or until `killAfter` lines have come, when it is killed; as the user
    /// nobody, which only root can ask for, where `asNobody`.
    static func run(
        store: String, writers: Int, stage: String, count: Int, killAfter: Int? = nil, asNobody: Bool = false
    ) async throws -> Outcome {
        try await withCheckedThrowingContinuation { continuation in
            // Reading blocks, so it has a thread of its own.
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        let arguments = [store, "\(writers)", stage, "\(count)"] + (asNobody ? ["65534"] : [])
                        return try runAndRead(arguments, killAfter: killAfter)
                    })
            }
        }
    }

    private static func runAndRead(_ arguments: [String], killAfter: Int?) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(filePath: builtProgram("store-crasher"))
        process.arguments = arguments
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        var outcome = Outcome()
        var text = ""
        var lines = 0
        while case let data = output.fileHandleForReading.availableData, !data.isEmpty {
            text += String(decoding: data, as: UTF8.self)
            while let end = text.firstIndex(of: "\n") {
                let numbers = text[..<end].split(separator: " ").compactMap { Int($0) }
                if numbers.count == 2 { outcome.acknowledged[numbers[0]] = numbers[1] }
                text = String(text[text.index(after: end)...])
                lines += 1
                if lines == killAfter { kill(process.processIdentifier, SIGKILL) }
            }
        }
        outcome.errors = String(decoding: errors.fileHandleForReading.availableData, as: UTF8.self)
        process.waitUntilExit()
        outcome.status = process.terminationStatus
        outcome.wasSignaled = process.terminationReason == .uncaughtSignal
        return outcome
    }
}
