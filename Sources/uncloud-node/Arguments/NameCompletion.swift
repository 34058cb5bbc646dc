internal import ArgumentParser

/// What a shell offers for a value. Names come from the daemon, where one can be asked; which is told by $UNCLOUD_DIRECTORY.
extension CompletionKind {
    static var vmNames: CompletionKind { names(of: "vm") }
    static var networkNames: CompletionKind { names(of: "network") }
    static var keyNames: CompletionKind { names(of: "key") }

    private static func names(of kind: String) -> CompletionKind {
        .shellCommand("uncloud-node \(kind) list -o name 2>/dev/null")
    }
}
