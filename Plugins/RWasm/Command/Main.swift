import CRWasmCall
import Glibc
import RWasmTools

@main
struct Main {
    static let usage = """
        Tools for WebAssembly as the RWasm backend runs it.

          dandelion wasm spectest PATH
              Runs tests of the official suite: a folder of files that `wasm-tools json-from-wast` made, nested or not, or
              one such file. Files in the text format (.wast) are converted when wasm-tools is on PATH. Prints the number of
              assertions that passed, failed and were skipped, by file and reason. Exit code: 0 none failed, 1 some did, 2
              nothing could be run.

                dandelion wasm spectest Tests/data/wasm-spec

          dandelion wasm call FILE EXPORT [ARGUMENT...]
              Calls an exported function in a new instance and prints its results. Vectors are 32 hexadecimal digits.

                dandelion wasm call add.wasm add 2 40

          dandelion wasm validate FILE...
              Decodes and validates. Exit code: 0 all are valid, 1 some are not.

          dandelion wasm translate FILE
              Prints the Rust that a module becomes.

          dandelion wasm native FILE -o IMAGE
              Makes a function image (ELF, x86-64) of a module, as a class that names this plugin in `translators` does when
              a module is registered. It runs in any class whose backend takes such images.

                dandelion wasm native resize.wasm -o resize && dandelion register resize resize --class kvm ...

          dandelion wasm compile FILE [LEVEL...]
              Compiles as a registration does, and prints the time to each version: quick, then fast, or those named.

          dandelion wasm time ROUNDS FILE EXPORT...
              Calls functions without parameters, and prints name, result and the fastest call in ns of processor time.

          dandelion wasm observe LEVEL FORM FILE...
              Compiles modules together, at the level quick or fast, calls all exports, and prints what they leave behind.
              FORM is alone (as the platform runs modules; without globals) or linkable.

        """

    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let rest = Array(arguments.dropFirst())
        guard !rest.contains(where: { $0 == "--help" || $0 == "-h" }) else { tell(1, 0) }
        switch arguments.first {
        case "spectest" where rest.count == 1: exit(SpecTest.main(path: rest[0], calling: rwasm_ffi_call))
        case "call" where rest.count >= 2:
            exit(Tools.call(rest[0], rest[1], Array(rest.dropFirst(2)), calling: rwasm_ffi_call))
        case "validate" where !rest.isEmpty: exit(Tools.validate(rest))
        case "translate" where rest.count == 1: exit(Tools.translate(rest[0]))
        case "native" where rest.count == 3 && rest[1] == "-o": exit(Tools.native(rest[0], to: rest[2]))
        case "compile" where !rest.isEmpty: exit(Tools.compile(rest[0], Array(rest.dropFirst())))
        case "observe" where rest.count >= 3 && ["alone", "linkable"].contains(rest[1]):
            exit(
                Observe.main(
                    Array(rest.dropFirst(2)), level: rest[0], areLinkable: rest[1] == "linkable",
                    calling: rwasm_ffi_call))
        case "time" where rest.count >= 3:
            guard let rounds = Int(rest[0]), rounds > 0 else { tell(2, 64) }
            exit(Tools.time(rest[1], Array(rest.dropFirst(2)), rounds: rounds, calling: rwasm_ffi_call))
        case "--help", "-h", "help": tell(1, 0)
        default: tell(2, 64)
        }
    }

    private static func tell(_ descriptor: Int32, _ code: Int32) -> Never {
        _ = usage.withCString { write(descriptor, $0, strlen($0)) }
        exit(code)
    }
}
