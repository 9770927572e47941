internal import Failure

/// The tables of guest.h, whose fields are all words: 8 bytes in a 64-bit image, 4 in a 32-bit one.
struct Tables {
    /// Bytes of a word.
    let word: Int

    init(pointerBytes: Int) throws(Failure) {
        guard pointerBytes == 8 || pointerBytes == 4 else {
            throw Failure(.internal, "an image claims pointers of \(pointerBytes) bytes")
        }
        word = pointerBytes
    }

    /// Word 0 holds the exit code (an int32, padded), then:
    enum System: Int {
        case exitCode, heapBegin, heapEnd, inputSetCount, inputSets, outputSetCount, outputSets, inputItems, outputItems
    }
    enum Set: Int { case ident, identLength, offset }
    enum Item: Int { case ident, identLength, data, dataLength, key }

    var systemBytes: Int { 9 * word }
    var setBytes: Int { 3 * word }
    var itemBytes: Int { 5 * word }

    /// `table` must be readable up to the field; any alignment.
    func load<Field: RawRepresentable<Int>>(_ field: Field, of table: UnsafeRawPointer) -> UInt64 {
        // SAFETY: the caller checked the whole table; integers have no invalid bytes.
        word == 8
            ? table.loadUnaligned(fromByteOffset: field.rawValue * 8, as: UInt64.self)
            : UInt64(table.loadUnaligned(fromByteOffset: field.rawValue * 4, as: UInt32.self))
    }

    /// `table` must be writable up to the field; any alignment. 32-bit tables keep the low half.
    func store<Field: RawRepresentable<Int>>(_ value: UInt64, _ field: Field, of table: UnsafeMutableRawPointer) {
        // SAFETY: the caller reserved the whole table.
        if word == 8 {
            table.storeBytes(of: value, toByteOffset: field.rawValue * 8, as: UInt64.self)
        } else {
            table.storeBytes(of: UInt32(truncatingIfNeeded: value), toByteOffset: field.rawValue * 4, as: UInt32.self)
        }
    }
}
