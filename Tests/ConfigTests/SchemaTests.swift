import Config
import Testing

@Suite struct SchemaTests {
    static let schema = """
        {"properties": {
            "egress": {"type": "object", "description": "what may be reached", "properties": {
                "schemes": {"type": "array", "items": {"type": "string", "enum": ["http", "https"]}},
                "loopback": {"type": "boolean", "default": false}}},
            "max_body": {"type": "integer", "minimum": 1, "maximum": 4096},
            "mode": {"type": "string", "enum": ["fast", "safe"]}}}
        """

    static func config(_ lines: String) throws -> NodeConfig {
        try NodeConfig.parse("[plugins.http]\npath = \"h.so\"\n[plugins.http.config]\n\(lines)\n", file: "n.toml")
    }

    static func mistakes(_ lines: String, schema: String? = schema) throws -> [String] {
        let config = try config(lines)
        return try config.mistakes(of: config.plugins[0], schema: schema).map(\.description)
    }

    @Test func good() throws {
        #expect(try Self.mistakes("") == [])
        #expect(
            try Self.mistakes(
                "max_body = 4096\nmode = \"safe\"\negress = { schemes = [\"http\"], loopback = true }") == [])
    }

    @Test func everyMistakeAtItsPlace() throws {
        let found = try Self.mistakes(
            """
            max_body = 4097
            mode = "fats"
            egres = 1
            egress.schemes = ["https", "ftp", 3]
            egress.loopbak = true
            egress.loopback = "no"
            """)
        #expect(
            found == [
                "n.toml:4:12: 'plugins.http.config.max_body' must be at most 4096, not 4097",
                "n.toml:5:8: 'plugins.http.config.mode' cannot have this value, did you mean 'fast'?",
                "n.toml:6:1: unknown key 'egres' in [plugins.http.config], did you mean 'egress'?",
                "n.toml:7:28: 'plugins.http.config.egress.schemes[1]' cannot have this value, known are 'http', 'https'",
                "n.toml:7:35: 'plugins.http.config.egress.schemes[2]' must be a string, not an integer",
                "n.toml:8:8: unknown key 'loopbak' in [plugins.http.config.egress], did you mean 'loopback'?",
                "n.toml:9:19: 'plugins.http.config.egress.loopback' must be true or false, not a string",
            ])
        #expect(try Self.mistakes("max_body = 0").count == 1)
        #expect(try Self.mistakes("max_body = 1.0").count == 1)
    }

    @Test func excerptComesFromTheFile() throws {
        let config = try Self.config("max_body = 0")
        let mistake = try config.mistakes(of: config.plugins[0], schema: Self.schema)[0]
        #expect(mistake.excerpt == "    max_body = 0\n               ^")
    }

    @Test func noSchemaTakesNothing() throws {
        #expect(try Self.mistakes("", schema: nil) == [])
        #expect(
            try Self.mistakes("x = 1", schema: nil) == [
                "n.toml:4:1: unknown key 'x': the plugin 'http' takes no configuration"
            ])
    }

    @Test(arguments: [
        ("", "config_schema:1:1: expected a value, but the text ends"),
        ("[]", "config_schema:1:1: '' must be an object"),
        (#"{"type": "array"}"#, "config_schema:1:1: the root must be an object"),
        (#"{"properties": {"a": {}}}"#, "config_schema:1:22: 'a' has no \"type\""),
        (
            #"{"properties": {"a": {"type": "text"}}}"#,
            "config_schema:1:31: the type of 'a' must be one of string, integer, boolean, array, object"
        ),
        (
            #"{"properties": {"a": {"type": "string", "pattern": "x"}}}"#,
            "config_schema:1:41: \"pattern\" is not supported"
        ),
        (
            #"{"properties": {"a": {"type": "integer", "minimum": "x"}}}"#,
            "config_schema:1:53: \"minimum\" of 'a' must be an integer"
        ),
        (
            #"{"properties": {"a": {"type": "string", "enum": []}}}"#,
            "config_schema:1:49: \"enum\" of 'a' must be a list of values"
        ),
        (#"{"properties": 1}"#, "config_schema:1:16: \"properties\" of '' must be an object"),
    ])
    func malformedSchema(text: String, message: String) throws {
        let error = #expect(throws: ConfigSchema.Malformed.self) { try Self.mistakes("", schema: text) }
        #expect(try #require(error).description == message)
    }
}
