internal import COpenSSL
internal import Glibc

/// Points in time as certificates have them.
enum Timestamp {
    /// Seconds since 1970 of one of OpenSSL's times; the far past if it is malformed.
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var parts = tm()
        // SAFETY: fills a local.
        guard ASN1_TIME_to_tm(time, &parts) == 1 else { return .min }
        return Int64(timegm(&parts))
    }

    /// "2027-01-31 12:00:00 UTC".
    static func text(_ seconds: Int64) -> String {
        var parts = tm()
        var time = time_t(seconds)
        // SAFETY: reads and fills locals.
        guard gmtime_r(&time, &parts) != nil else { return "an unknown day" }
        var buffer = [CChar](repeating: 0, count: 32)
        let count = strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M:%S UTC", &parts)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
