import Testing

@testable import RWasmCore

/// Bytes that are no module are refused with a place in them, whatever they are.
@Suite struct DecoderTests {
    private func check(_ bytes: [UInt8]) -> WasmError? {
        do throws(WasmError) {
            let module = try ModuleDecoder.decode(bytes)
            _ = try Crates.sole(module)
            return nil
        } catch {
            return error
        }
    }

    /// Where sections end, by sizes of at most two bytes.
    private func sectionEnds(_ bytes: [UInt8]) -> Set<Int> {
        var ends: Set<Int> = [8]
        var at = 8
        while at + 2 < bytes.count {
            let low = Int(bytes[at + 1])
            at += low < 0x80 ? 2 + low : 3 + (low & 0x7f | Int(bytes[at + 2]) << 7)
            ends.insert(at)
        }
        return ends
    }

    @Test func everyTruncationIsRefusedOrAWholeModule() throws {
        let whole = try WasmGuest.raw("reverse")
        #expect(check(whole) == nil)
        let ends = sectionEnds(whole)
        #expect(ends.contains(whole.count))
        for length in 0..<whole.count {
            guard let error = check([UInt8](whole.prefix(length))) else {
                #expect(ends.contains(length), "\(length) bytes, in the middle of a section")
                continue
            }
            #expect((0...length).contains(error.offset), "\(error)")
        }
    }

    @Test func noChangeOfAByteTrapsTheDecoder() throws {
        let whole = try WasmGuest.raw("misbehave")
        var refused = 0
        for index in whole.indices {
            for value in [0x00, 0x7f, 0x80, 0xff, whole[index] ^ 1] as [UInt8] {
                var bytes = whole
                bytes[index] = value
                if let error = check(bytes) {
                    refused += 1
                    #expect((0...whole.count).contains(error.offset), "\(error)")
                }
            }
        }
        #expect(refused > whole.count)
    }

    @Test func announcedCountsReserveNothing() {
        let head: [UInt8] = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
        // 2^32 - 1 types in a section of six bytes.
        #expect(check(head + [1, 6, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x60])?.kind == .malformed)
        // One function with 2^32 - 1 locals.
        let body: [UInt8] = [1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b]
        let code = head + [1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 10, 1, 8] + body
        #expect(check(code)?.message.contains("locals") == true)
    }

    @Test func proposalsThatAreNotSupportedAreNamed() {
        let head: [UInt8] = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
        let relaxed = head + [1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 7, 1, 5, 0, 0xfd, 0x80, 0x02, 0x0b]
        #expect(check(relaxed)?.kind == .unsupported)
        #expect(check(relaxed)?.message.contains("relaxed-simd") == true)
        #expect(check(relaxed)?.offset == 23)
    }

    @Test func digestIsSHA256() {
        var digest = Digest()
        digest.update(Array("abc".utf8))
        #expect(digest.finish() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
