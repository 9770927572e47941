public import Failure
internal import Memory
internal import Platform
package import PluginABI

/// A communication backend: one started plugin seen through dn.comm/1.
public final class CommBackend: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; slots are called under the ABI's thread words.

    /// One way to call a protocol: names of its sets.
    public struct Signature: Sendable, Equatable {
        public let inputs: [String]
        public let outputs: [String]
    }

    public struct `Protocol`: Sendable, Equatable {
        public let name: String
        public let signatures: [Signature]
    }

    public let instance: PluginInstance
    public var name: String { instance.label }
    public let protocols: [`Protocol`]
    let slots: CommSlots
    private let retirement = Retirement()
    /// A later generation has taken its place; reactors of it end when their requests have.
    public var isRetired: Bool { retirement.isOver }
    public func retire() { retirement.begin() }

    public init(_ instance: PluginInstance) throws(Failure) {
        let what = "plugin \(instance.label)"
        guard let table = instance.library.interface(DN_COMM_1) else {
            throw Failure(.unavailable, "\(what): is no communication backend (offers no \(DN_COMM_1))")
        }
        self.instance = instance
        var mine = dn_comm()
        withUnsafeMutablePointer(to: &mine) { ABI.copy(table, to: $0, MemoryLayout<dn_comm>.size) }
        slots = try CommSlots(mine, what)
        var first: UnsafePointer<dn_comm_protocol>?
        var count: UInt64 = 0
        var error = ABI.emptyError()
        let status = slots.protocols(instance.handle, &first, &count, &error)
        guard status == DN_OK else { throw ABI.failure(status, error, what) }
        guard let first, count > 0, count <= 64 else { throw Failure(.unavailable, "\(what): offers no protocol") }
        // Elements are as large as the plugin's struct_size says, which may be more than ours.
        let stride = ABI.size(at: first) ?? 0
        guard stride >= MemoryLayout<dn_comm_protocol>.size, stride <= 4096,
            ReadableMemory.holds(first, stride * Int(count))
        else { throw Failure(.unavailable, "\(what): its table of protocols is shorter than \(DN_COMM_1) promises") }
        protocols = (0..<Int(count)).map { index in
            var one = dn_comm_protocol()
            withUnsafeMutablePointer(to: &one) {
                ABI.copy(UnsafeRawPointer(first) + index * stride, to: $0, MemoryLayout<dn_comm_protocol>.size)
            }
            return Self.read(one)
        }
        guard protocols.allSatisfy({ !$0.signatures.isEmpty && !$0.name.isEmpty }) else {
            throw Failure(.unavailable, "\(what): a protocol lacks its name or signatures")
        }
    }

    /// Whether the backend is sure that the request may be made twice.
    public func isIdempotent(_ request: CommRequest) -> Bool {
        let said = validate(request)
        return said.status == DN_OK && said.info.idempotent == DN_IDEMPOTENT_YES
    }

    /// What a request asks of whom, in the plugin's words: a verb and an authority, and no secrets; may be empty.
    public func target(of request: CommRequest) -> String {
        let said = validate(request)
        return said.status == DN_OK && said.hasTarget ? ABI.text(said.info.target) : ""
    }

    /// What the plugin says of a request.
    package struct Validation {
        package let status: dn_status
        package let info: dn_request_info
        package let error: dn_error

        /// The sentence for the user.
        package var message: String { ABI.text(error.message) }
        /// Whether its text of the target ends.
        package var hasTarget: Bool { withUnsafeBytes(of: info.target) { $0.contains(0) } }
    }

    package func validate(_ request: CommRequest) -> Validation {
        var info = dn_request_info()
        info.struct_size = UInt32(MemoryLayout<dn_request_info>.size)
        var error = ABI.emptyError()
        let status = CommLoan(request, outputCount: 0).withRaw { slots.validate(instance.handle, $0, &info, &error) }
        return Validation(status: status, info: info, error: error)
    }

    /// How many outputs the request's signature has; 0 for one that is not offered.
    func outputCount(of request: CommRequest) -> Int {
        guard protocols.indices.contains(request.protocol) else { return 0 }
        let signatures = protocols[request.protocol].signatures
        return signatures.indices.contains(request.signature) ? signatures[request.signature].outputs.count : 0
    }

    /// Room for the largest answer, when the plugin charges nothing by itself.
    func reserve(for request: CommRequest) throws(Failure) -> MemoryHold? {
        guard !instance.chargesMemory else { return nil }
        return try MemoryHold(Int(clamping: request.maxResponse), request.account, .replies)
    }

    private static func read(_ raw: dn_comm_protocol) -> `Protocol` {
        func names(_ text: UnsafePointer<CChar>?) -> [String] {
            ABI.text(text).split(separator: " ").map { String($0) }
        }
        var count = raw.signatures == nil ? 0 : Int(min(raw.signature_count, 64))
        if !ReadableMemory.holds(raw.signatures, count * MemoryLayout<dn_comm_signature>.stride) { count = 0 }
        let signatures = UnsafeBufferPointer(start: raw.signatures, count: count)
        return `Protocol`(
            name: ABI.text(raw.name),
            signatures: signatures.map { Signature(inputs: names($0.inputs), outputs: names($0.outputs)) })
    }
}
