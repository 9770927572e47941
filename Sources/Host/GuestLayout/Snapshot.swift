public import Failure

/// dn_guest_snapshot of guest.h.
extension GuestMemory {
    private enum Field {
        static let state = 0
        static let dataBegin = 8
        static let size: UInt64 = 16
    }

    private enum State {
        static let wanted: UInt32 = 1
        static let taken: UInt32 = 2
    }

    /// Asks the program that is about to start to leave where it can begin again.
    public func wantSnapshot(at address: UInt64) throws(Failure) {
        // SAFETY: `field` checked the whole structure.
        try field(address).storeBytes(of: State.wanted, toByteOffset: Field.state, as: UInt32.self)
    }

    /// Where free memory begins, as the program that has stopped says; nil when it did not leave a snapshot.
    public func snapshotTaken(at address: UInt64) throws(Failure) -> UInt64? {
        let bytes = try field(address)
        // SAFETY: as above; integers have no invalid bytes.
        guard bytes.loadUnaligned(fromByteOffset: Field.state, as: UInt32.self) == State.taken else { return nil }
        return bytes.loadUnaligned(fromByteOffset: Field.dataBegin, as: UInt64.self)
    }

    private func field(_ address: UInt64) throws(Failure) -> UnsafeMutableRawPointer {
        guard let bytes = bytes(at: address, count: Field.size) else {
            throw Failure(
                .invalid, "the image's snapshot structure at 0x\(String(address, radix: 16)) is not in its memory")
        }
        return bytes
    }
}
