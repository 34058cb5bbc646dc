internal import CNftables
internal import Foundation

/// Where and why nft refused a text.
package struct NFTProblem: Sendable, Equatable, CustomStringConvertible {
    /// Counted from 1; 0 where nft named none.
    package var line: Int
    /// Counted from 1; 0 where nft named none.
    package var column: Int
    package var message: String

    package var description: String { line == 0 ? message : "\(line):\(column): \(message)" }
}

/// What came out of a run of nft.
package struct NFTResult: Sendable {
    /// Whether the kernel took all of it. Otherwise it took nothing.
    package var succeeded: Bool
    package var output: String
    /// What nft wrote to its error buffer, whole.
    package var error: String

    /// The error's findings, with their places in the text that was run.
    package var problems: [NFTProblem] { parseProblems(error) }
}

/// A run of nft that failed: nothing of it was applied.
package struct NFTError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable {
        /// No context could be made.
        case unavailable
        /// The text or the kernel refused.
        case refused
    }
    package var code: Code
    package var problems: [NFTProblem]
    package var message: String
    package var description: String { message }

    init(_ result: NFTResult) {
        problems = result.problems
        code = result.error.isEmpty ? .unavailable : .refused
        message = problems.first?.description ?? "nft gave no reason"
    }
}

/// Runs nft's language in this process, through libnftables.
///
/// libnftables 1.0.6 ends the process when memory runs out and crashes on sets made by much newer versions of nft: use it only in
/// a process that may die, and in a network namespace of its own. Works in the network namespace of the calling thread.
/// Each run has a context of its own (a kept one holds the memory of its largest load) and gives freed memory back to
/// the system. Echo is never set: with it the library fetches every element. Calls block; they must not overlap, which the
/// type's non-sendability and one owner ensure.
package final class NFTContext {
    package init() {}

    /// How a listing is written.
    package enum Format: Sendable { case text, json, terse, terseJSON }

    /// Runs a text of any number of commands; those that change something are one transaction.
    package func run(_ text: String, format: Format = .text) -> NFTResult {
        // SAFETY: the context lives within this call, on the calling thread alone.
        var result = unsafe inContext(format.flags) { context in unsafe nft_run_cmd_from_buffer(context, text) }
        if !result.succeeded, let located = locate(text) { result.error = located }
        return result
    }

    /// What nft says to a text that failed, with line and column: it knows them only of files. Nothing is applied.
    private func locate(_ text: String) -> String? {
        // SAFETY: the name is a constant; the descriptor is this call's own.
        let fd = unsafe memfd_create("ruleset", 1)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes { unsafe write(fd, $0.baseAddress, $0.count) }
            guard count > 0 else { return nil }
            bytes = bytes.dropFirst(count)
        }
        let result = unsafe inContext(0) { context in
            unsafe nft_ctx_set_dry_run(context, true)
            return unsafe nft_run_cmd_from_filename(context, "/proc/self/fd/\(fd)")
        }
        return result.succeeded || result.error.isEmpty ? nil : result.error
    }

    /// Applies a transaction.
    ///
    /// - Throws: ``NFTError`` when the kernel refused; then nothing was applied.
    package func apply(_ text: String) throws(NFTError) {
        let result = run(text)
        if !result.succeeded { throw NFTError(result) }
    }

    @unsafe private func inContext(_ flags: UInt32, _ run: (OpaquePointer) -> CInt) -> NFTResult {
        guard let context = unsafe nft_ctx_new(UInt32(NFT_CTX_DEFAULT)) else {
            return NFTResult(succeeded: false, output: "", error: "")
        }
        defer {
            unsafe nft_ctx_free(context)
            _ = malloc_trim(0)
        }
        guard unsafe nft_ctx_buffer_output(context) == 0, unsafe nft_ctx_buffer_error(context) == 0 else {
            return NFTResult(succeeded: false, output: "", error: "")
        }
        unsafe nft_ctx_output_set_flags(context, flags)
        let status = unsafe run(context)
        let output = unsafe nft_ctx_get_output_buffer(context).map { unsafe String(cString: $0) } ?? ""
        let error = unsafe nft_ctx_get_error_buffer(context).map { unsafe String(cString: $0) } ?? ""
        return NFTResult(succeeded: status == 0, output: output, error: error)
    }
}

extension NFTContext.Format {
    fileprivate var flags: UInt32 {
        let json = UInt32(NFT_CTX_OUTPUT_JSON)
        let terse = UInt32(NFT_CTX_OUTPUT_TERSE)
        let numeric = UInt32(NFT_CTX_OUTPUT_NUMERIC_ALL)
        return switch self {
        case .text: 0
        case .json: json | numeric
        case .terse: terse
        case .terseJSON: json | terse | numeric
        }
    }
}

/// The findings in nft's error text: lines of the form `FILE:LINE:COLUMN-COLUMN: Error: MESSAGE`.
func parseProblems(_ text: String) -> [NFTProblem] {
    text.split(separator: "\n").compactMap { line in
        guard let mark = line.range(of: "Error: ") else { return nil }
        let place = line[..<mark.lowerBound].split(separator: ":").map { $0.split(separator: "-").first ?? "" }
        let message = String(line[mark.upperBound...])
        guard place.count >= 3, let row = Int(place[1]), let column = Int(place[2]) else {
            return NFTProblem(line: 0, column: 0, message: message)
        }
        return NFTProblem(line: row, column: column, message: message)
    }
}
