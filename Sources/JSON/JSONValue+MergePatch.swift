extension JSONValue {
    /// This value with a merge patch applied (RFC 7396): members of the patch replace or, being null, remove; a patch
    /// that is no object replaces the whole.
    public func mergePatched(by patch: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var members = objectValue ?? [:]
        for (name, change) in changes {
            members[name] = change.isNull ? nil : (members[name] ?? .null).mergePatched(by: change)
        }
        return .object(members)
    }

    /// The merge patch that turns this value into the other. Nulls inside objects of the other can't be expressed (RFC
    /// 7396 section 1) and come out as removals.
    public func mergePatch(to other: JSONValue) -> JSONValue {
        guard case .object(let old) = self, case .object(let new) = other else { return other }
        var patch: [String: JSONValue] = [:]
        for name in old.keys where new[name] == nil { patch[name] = .null }
        for (name, value) in new where old[name] != value {
            patch[name] = old[name].map { $0.mergePatch(to: value) } ?? value
        }
        return .object(patch)
    }
}
