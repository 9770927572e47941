internal import CVersion
internal import Glibc
internal import Values

/// Writes traces as OTLP's JSON (ExportTraceServiceRequest).
struct SpanEncoder {
    private let service: String
    private let host: String
    /// Tells this process from others of the same service.
    private let instance = Hex.text(UInt64.random(in: 1...UInt64.max)) + Hex.text(UInt64.random(in: 1...UInt64.max))

    init(service: String) {
        self.service = service
        var name = [CChar](repeating: 0, count: 256)
        // SAFETY: the last byte is left as the text's end.
        _ = gethostname(&name, name.count - 1)
        host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// - Returns: the body of a request, and how many spans it holds.
    func encode(_ traces: [FinishedTrace]) -> ([UInt8], Int) {
        var json = JSONWriter()
        var writer = SpanWriter(seed: UInt64.random(in: 0...UInt64.max))
        json.object { json in
            json.list("resourceSpans") { json in
                json.object { json in
                    writeResource(&json)
                    json.list("scopeSpans") { json in
                        json.object { json in
                            json.name("scope")
                            json.object { json in
                                json.member("name", "dandelion")
                                json.member("version", String(cString: dandelion_version()))
                            }
                            json.list("spans") { json in
                                for trace in traces { writer.write(trace, to: &json) }
                            }
                        }
                    }
                }
            }
        }
        return (json.bytes, writer.count)
    }

    private func writeResource(_ json: inout JSONWriter) {
        json.name("resource")
        json.object { json in
            json.list("attributes") { json in
                json.attribute("service.name", service)
                json.attribute("service.version", String(cString: dandelion_version()))
                json.attribute("service.instance.id", instance)
                json.attribute("host.name", host)
                json.attribute("os.type", "linux")
                json.attribute("process.pid", Int(getpid()))
            }
        }
    }
}

extension JSONWriter {
    mutating func list(_ name: String, _ body: (inout JSONWriter) -> Void) {
        self.name(name)
        array(body)
    }

    /// In a list of attributes.
    mutating func attribute(_ key: String, _ value: String) {
        object { json in
            json.member("key", key)
            json.name("value")
            json.object { $0.member("stringValue", value) }
        }
    }

    mutating func attribute(_ key: String, _ value: Int) {
        object { json in
            json.member("key", key)
            json.name("value")
            // The JSON of protocol buffers has numbers of 64 bits as texts.
            json.object { $0.member("intValue", String(value)) }
        }
    }
}
