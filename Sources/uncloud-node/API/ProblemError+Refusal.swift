internal import HTTP
internal import Model

extension ProblemError {
    /// What the server refuses before the API sees it: a request that is too large, too slow, or no HTTP.
    init(refusing error: MessageError, maxBody: Int) {
        guard error.code != .bodyTooLarge else {
            let message = "the body has more than \(ByteSize(bytes: Int64(maxBody)))"
            let fix = "make it smaller; userData, vendorData and networkConfig may have \(VMLimits.document) each"
            self.init(
                status: error.status, code: "body.too-large", title: "The body is too large", detail: message,
                errors: [FieldError(pointer: "", code: "too-large", message: message, fix: fix)], fix: fix)
            return
        }
        let word =
            switch error.status {
            case 408: "timed-out"
            case 414, 431: "too-large"
            case 417, 501, 505: "unsupported"
            default: "malformed"
            }
        self.init(
            status: error.status, code: "request.\(word)", title: "The request is refused", detail: error.message,
            fix: "send HTTP/1.1 as RFC 9112 has it", retryable: error.code == .timedOut)
    }
}
