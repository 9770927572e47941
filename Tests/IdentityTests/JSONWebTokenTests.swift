import Config
import Failure
import Glibc
import TestSupport
import Testing

@testable import Identity

/// Tokens of an issuer, and of others who would like to be it.
@Suite struct JSONWebTokenTests {
    private static let now: Int64 = 1_800_000_000
    private static let issuers = Result { try Issuer.Kind.allCases.map { try Issuer($0, kid: "key-\($0)") } }

    private static let good =
        #"{"iss":"https://issuer.example","sub":"bob","aud":["other","node"],"exp":1800000060,"nbf":1799999999,"tenant":"alice","roles":["invoke","read"]}"#

    private func judge(_ keys: [String]? = nil) throws -> JSONWebToken {
        let keys = try keys ?? Self.issuers.get().map(\.jwk)
        let set = try KeySet(Array(#"{"keys":[\#(keys.joined(separator: ","))]}"#.utf8))
        return JSONWebToken(
            settings: JWTSettings(keys: "", audience: "node", issuer: "https://issuer.example"), keys: set)
    }

    private func verdict(_ token: String, _ judge: JSONWebToken, at now: Int64 = Self.now) -> Result<
        Identity, NotBelieved
    > {
        let bytes = Array(token.utf8)
        return bytes.withUnsafeBytes { bytes in
            do throws(NotBelieved) { return .success(try judge.judge(bytes, now: now).identity) } catch {
                return .failure(error)
            }
        }
    }

    private func isBelieved(_ token: String, _ judge: JSONWebToken, at now: Int64 = Self.now) -> Bool {
        if case .success = verdict(token, judge, at: now) { true } else { false }
    }

    @Test(arguments: Issuer.Kind.allCases) func goodTokensAreBelieved(_ kind: Issuer.Kind) throws {
        let issuer = try #require(try Self.issuers.get().first { $0.kind == kind })
        let wanted = Identity(tenant: "alice", roles: [.invoke, .read], name: "jwt:bob")
        #expect(try verdict(issuer.token(Self.good), judge()) == .success(wanted))
        // Without kid there must be one key only.
        let header = #"{"alg":"\#(kind.rawValue)"}"#
        #expect(try isBelieved(issuer.token(Self.good, header: header), judge()))
        let twin = try Issuer(kind, kid: "twin")
        #expect(try !isBelieved(issuer.token(Self.good, header: header), judge([issuer.jwk, twin.jwk])))
        #expect(try isBelieved(issuer.token(Self.good), judge([issuer.jwk, twin.jwk])))
    }

    @Test func rolesAndTenants() throws {
        let issuer = try #require(try Self.issuers.get().first)
        let judge = try judge()
        func roles(_ text: String) -> Roles? {
            try? verdict(issuer.token(Self.good.replacing(#"["invoke","read"]"#, with: text)), judge).get().roles
        }
        #expect(roles(#""invoke register""#) == [.invoke, .register])
        // What the operator did not allow tokens to grant, and what nobody knows.
        #expect(roles(#"["administer","root","invoke "]"#) == [])
        #expect(roles("7") == [] && roles("null") == [] && roles(#"[["invoke"]]"#) == [])
        for tenant in [
            #""""#, "7", "null", #""a b""#, #""a,b""#, #""\u00e9""#, "\"\(String(repeating: "a", count: 65))\"",
        ] {
            #expect(!isBelieved(issuer.token(Self.good.replacing(#""alice""#, with: tenant)), judge), "\(tenant)")
        }
    }

    @Test(arguments: [
        (#""exp":1800000060"#, #""exp":1799999970"#), (#""exp":1800000060,"#, ""),
        (#""exp":1800000060"#, #""exp":"1800000060""#), (#""exp":1800000060"#, #""exp":1e400"#),
        (#""exp":1800000060"#, #""exp":null"#), (#""exp":1800000060"#, #""exp":-1"#),
        (#""nbf":1799999999"#, #""nbf":1800000031"#), (#""nbf":1799999999"#, #""nbf":"x""#),
        (#""nbf":1799999999"#, #""iat":1800000100"#), (#"["other","node"]"#, #"["other"]"#),
        (#"["other","node"]"#, #"[]"#), (#"["other","node"]"#, #""Node""#), (#"["other","node"]"#, #"["node",7]"#),
        (#"["other","node"]"#, #"{"node":1}"#), (#""aud":["other","node"],"#, ""),
        (#""iss":"https://issuer.example","#, ""), ("https://issuer.example", "https://issuer.example/"),
        (#""tenant":"alice","#, ""), (#""tenant":"alice""#, #""tenant":"alice","tenant":"root""#),
        (#""sub":"bob""#, #""exp":9999999999,"sub":"bob""#), (#""tenant""#, #""t\u0065nant":"eve","tenant""#),
        ("}", "},"), ("{", "[{"), ("}", "}\u{0}"),
    ])
    func wrongClaimsAreNot(_ change: (String, String)) throws {
        let judge = try judge()
        for issuer in try Self.issuers.get() {
            let claims = Self.good.replacing(change.0, with: change.1, maxReplacements: 1)
            #expect(claims != Self.good)
            #expect(!isBelieved(issuer.token(claims), judge), "\(claims)")
        }
    }

    @Test func clocksMayDifferALittle() throws {
        let issuer = try #require(try Self.issuers.get().first)
        let judge = try judge()
        #expect(isBelieved(issuer.token(Self.good), judge, at: 1_800_000_089))
        #expect(!isBelieved(issuer.token(Self.good), judge, at: 1_800_000_090))
        #expect(isBelieved(issuer.token(Self.good), judge, at: 1_799_999_969))
        #expect(!isBelieved(issuer.token(Self.good), judge, at: 1_799_999_968))
    }

    /// Headers that would have a careless reader take another key, another algorithm, or none.
    @Test(arguments: [
        #"{"alg":"none"}"#, #"{"alg":"None","kid":"KID"}"#, #"{"alg":"","kid":"KID"}"#, #"{"kid":"KID"}"#,
        #"{"alg":null,"kid":"KID"}"#, #"{"alg":["ALG"],"kid":"KID"}"#, #"{"alg":"alg","kid":"KID"}"#,
        #"{"alg":"HS256","kid":"KID"}"#, #"{"alg":"ES384","kid":"KID"}"#, #"{"alg":"PS256","kid":"KID"}"#,
        #"{"alg":"ALG","kid":"key-of-nobody"}"#, #"{"alg":"ALG","kid":""}"#, #"{"alg":"ALG","kid":7}"#,
        #"{"alg":"ALG","kid":null}"#, #"{"alg":"ALG","kid":["KID"]}"#, #"{"alg":"ALG","kid":"../../dev/null"}"#,
        #"{"alg":"ALG","kid":"KID' OR '1'='1"}"#, #"{"alg":"ALG","kid":"KID\u0000"}"#, #"{"alg":"ALG","kid":"KID "}"#,
        #"{"alg":"ALG","kid":"KID","crit":["exp"]}"#, #"{"alg":"ALG","kid":"KID","b64":false}"#,
        #"{"alg":"ALG","kid":"KID","typ":"dpop+jwt"}"#, #"{"alg":"ALG","kid":"KID","kid":"KID"}"#,
        #"{"alg":"none","alg":"ALG","kid":"KID"}"#, #"{"alg":"ALG","alg":"none","kid":"KID"}"#, "[]", "", "null", "{",
        #"{"alg":"ALG","kid":"KID",}"#, #"{"alg":"ALG","kid":"KID"}x"#, "\u{feff}{\"alg\":\"ALG\",\"kid\":\"KID\"}",
    ])
    func oddHeadersAreNot(_ header: String) throws {
        let judge = try judge()
        for issuer in try Self.issuers.get() {
            let header = header.replacing("ALG", with: issuer.kind.rawValue).replacing("KID", with: issuer.kid)
            #expect(!isBelieved(issuer.token(Self.good, header: header), judge), "\(header)")
        }
    }

    /// A key that comes with the token is not looked at, whatever names it has.
    @Test func keysThatTheTokenBringsAreNotTaken() throws {
        let judge = try judge()
        for issuer in try Self.issuers.get() {
            let forger = try Issuer(issuer.kind, kid: issuer.kid)
            for member in [
                #""jwk":\#(forger.jwk)"#, #""jku":"https://evil.example/keys""#, #""x5u":"https://evil.example/""#,
                #""x5c":["MIIB"]"#,
            ] {
                let header = #"{"alg":"\#(issuer.kind.rawValue)","kid":"\#(issuer.kid)",\#(member)}"#
                #expect(!isBelieved(forger.token(Self.good, header: header), judge), "\(header)")
                #expect(isBelieved(issuer.token(Self.good, header: header), judge), "\(header)")
            }
        }
    }

    @Test func algorithmsAreNotConfused() throws {
        let judge = try judge()
        let issuers = try Self.issuers.get()
        for issuer in issuers {
            // Signed with the public key as if it were shared, in each of its forms.
            for algorithm in ["HS256", issuer.kind.rawValue] {
                let header = #"{"alg":"\#(algorithm)","kid":"\#(issuer.kid)"}"#
                let message = base64url(Array(header.utf8)) + "." + base64url(Array(Self.good.utf8))
                for key in [issuer.publicBytes, Array(issuer.jwk.utf8), Array(issuer.members[1].1.utf8), []] {
                    #expect(!isBelieved(message + "." + base64url(hmac(key, message)), judge))
                }
                #expect(!isBelieved(message + ".", judge) && !isBelieved(message, judge))
            }
            // By another's key under this one's name.
            for other in issuers where other !== issuer {
                let header = #"{"alg":"\#(other.kind.rawValue)","kid":"\#(issuer.kid)"}"#
                #expect(!isBelieved(other.token(Self.good, header: header), judge))
                let own = #"{"alg":"\#(issuer.kind.rawValue)","kid":"\#(other.kid)"}"#
                #expect(!isBelieved(issuer.token(Self.good, header: own), judge))
            }
        }
    }

    /// Signatures that are true of every message in libraries that do not check their numbers, and other forms of good ones.
    @Test func signaturesHaveOneForm() throws {
        let judge = try judge()
        for issuer in try Self.issuers.get() {
            let token = issuer.token(Self.good)
            let parts = token.split(separator: ".").map(String.init)
            let message = parts[0] + "." + parts[1]
            let length = issuer.sign(message).count
            for signature in [
                [UInt8](repeating: 0, count: length), [UInt8](repeating: 255, count: length),
                [UInt8](repeating: 0, count: length - 1) + [1], [],
                issuer.sign(message) + [0], [0] + issuer.sign(message), Array(issuer.sign(message).dropLast()),
            ] {
                #expect(
                    !isBelieved(message + "." + base64url(signature), judge), "\(issuer.kind) \(signature.prefix(4))")
            }
            for odd in [token + "=", token + "==", token + "\n", " " + token, token + ".", "." + token, token + ".x"] {
                #expect(!isBelieved(odd, judge))
            }
            #expect(!isBelieved(token.replacing("-", with: "+").replacing("_", with: "/") + "+", judge))
        }
    }

    /// Every single bit of a good token, and every length of it.
    @Test func noBitIsIdle() throws {
        let judge = try judge()
        var tried = 0
        for issuer in try Self.issuers.get() where issuer.kind != .rs256 {
            let token = Array(issuer.token(Self.good).utf8)
            for index in token.indices {
                #expect(!isBelieved(String(decoding: token[..<index], as: UTF8.self), judge))
                for bit in 0..<7 {
                    var changed = token
                    changed[index] ^= 1 << UInt8(bit)
                    if isBelieved(String(decoding: changed, as: UTF8.self), judge) {
                        Issue.record("byte \(index), bit \(bit) of \(issuer.kind) changes nothing")
                    }
                    tried += 1
                }
            }
        }
        #expect(tried > 4_000)
    }

    @Test func noiseIsNotBelieved() throws {
        let judge = try judge()
        var seed: UInt64 = 19
        func next(_ bound: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % bound
        }
        let alphabet = Array("abcXYZ019-_.={}\":,".utf8)
        for _ in 0..<20_000 {
            let noise = (0..<next(120)).map { _ in alphabet[next(alphabet.count)] }
            #expect(!isBelieved(String(decoding: noise, as: UTF8.self), judge))
        }
        #expect(!isBelieved(String(repeating: "a", count: 1 << 20), judge))
        let deep = base64url(Array((String(repeating: "[", count: 5_000)).utf8))
        #expect(!isBelieved("\(deep).\(deep).\(deep)", judge))
    }

    @Test func keySetsThatAreWrongAreRefused() throws {
        let issuers = try Self.issuers.get()
        let ec = issuers[0]
        let weak = try Issuer(.rs256, kid: "weak", bits: 1024)
        func with(_ issuer: Issuer, _ name: String, _ value: String) -> String {
            issuer.json(issuer.members.map { $0.0 == name ? (name, value) : $0 })
        }
        for keys in [
            "", "[]", #"{"keys":{}}"#, #"{"keys":[7]}"#, #"{"keys":[\#(weak.jwk)]}"#, #"{"keys":[],"keys":[]}"#,
            #"{"keys":[\#(ec.jwk),\#(ec.jwk)]}"#, #"{"keys":[\#(with(ec, "x", "AA"))]}"#,
            #"{"keys":[\#(with(ec, "y", base64url([UInt8](repeating: 1, count: 32))))]}"#,
            #"{"keys":[\#(with(issuers[1], "x", "AAAA"))]}"#, #"{"keys":[\#(with(issuers[2], "e", "Ag"))]}"#,
            #"{"keys":[\#(with(issuers[2], "n", "not base64"))]}"#,
        ] {
            #expect(throws: NotBelieved.self, "\(keys)") { try KeySet(Array(keys.utf8)) }
        }
        // Keys for something else stand in the same files.
        let others = [
            #"{"kty":"oct","k":"AAAA"}"#, ec.json(ec.members + [("use", "enc")]),
            ec.json(ec.members + [("alg", "ES384")]),
            #"{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}"#,
        ]
        #expect(try KeySet(Array(#"{"keys":[\#(others.joined(separator: ","))]}"#.utf8)).keys.isEmpty)
    }
}
