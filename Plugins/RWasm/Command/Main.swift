import Glibc
import RWasmPlugin

@main
struct Main {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count == 2, arguments.first == "spectest", let directory = arguments.last else {
            print("usage: dandelion-wasm spectest DIRECTORY   (of files converted by wasm-tools json-from-wast)")
            exit(2)
        }
        exit(SpecTest.main(directory: directory))
    }
}
