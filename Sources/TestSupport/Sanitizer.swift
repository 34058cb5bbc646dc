internal import Glibc

/// How this build is instrumented: asked by tests that fork, or that weigh memory, which sanitizers keep books about.
public enum Sanitizer {
    /// Whether ThreadSanitizer is in: a process that has threads can't fork under it.
    public static let isThread = dlsym(nil, "__tsan_init") != nil
    /// Whether AddressSanitizer is in.
    public static let isAddress = dlsym(nil, "__asan_init") != nil
    /// Whether either is in.
    public static var isPresent: Bool { isThread || isAddress }
}
