extension FunctionDefinition {
    /// SHA-256 that tells the bound items from any others, hexadecimal, so that two registrations can be compared without their data;
    /// nil: none is bound.
    public var boundDigest: String? {
        guard inputs.contains(where: { $0.bound != nil }) else { return nil }
        return Store.digest(of: inputs.map { $0.bound ?? [] })
    }
}
