import Failure
import Glibc
import Items
import Registry

// Registers and removes functions and compositions in a state folder until it is killed, and writes one line to standard
// output before ("begin …") and after ("done …") each change. All contents follow from the name, so that the test can
// check them.
//
//     StoreWriter FOLDER SEED

/// One line, in one write, so that a kill cannot cut it.
func say(_ line: String) {
    var text = line + "\n"
    text.withUTF8 { _ = write(1, $0.baseAddress, $0.count) }
}

/// A change with a line before and after it.
func telling(_ change: String, _ body: () throws(Failure) -> Void) throws(Failure) {
    say("begin \(change)")
    try body()
    say("done \(change)")
}

/// Every fourth function shares its image.
func save(_ number: Int, in store: Store) throws(Failure) {
    let image = Blob([UInt8](repeating: UInt8(truncatingIfNeeded: number / 4), count: 5000 + number / 4))
    let item = Item(ident: Blob("item \(number)"), key: UInt32(number), data: Blob("data \(number)"))
    let definition = FunctionDefinition(
        name: "f\(number)", className: "process", inputs: [.init(name: "in"), .init(name: "bound", bound: [item])],
        outputs: ["out"])
    try store.save(definition, image: image, digest: Store.digest(of: image))
}

func run(_ folder: String, _ seed: Int) throws(Failure) {
    let store = try Store(directory: folder)
    var functions = store.functions().map(\.definition.name)
    var compositions = store.compositions().map(\.name)
    var number = seed
    while true {
        try telling("+f\(number)") { () throws(Failure) in try save(number, in: store) }
        functions.append("f\(number)")
        let names = ["c\(number)", "d\(number)"]
        try telling("+\(names[0]) +\(names[1])") { () throws(Failure) in
            try store.save(compositions: names, text: "text \(number)")
        }
        compositions += names
        if functions.count > 12 {
            let name = functions.remove(at: number % functions.count)
            try telling("-\(name)") { () throws(Failure) in try store.removeFunction(name) }
        }
        if compositions.count > 8 {
            let name = compositions.remove(at: number % compositions.count)
            try telling("-\(name)") { () throws(Failure) in try store.removeComposition(name) }
        }
        number += 1
    }
}

do {
    guard CommandLine.arguments.count == 3, let seed = Int(CommandLine.arguments[2]) else { exit(2) }
    try run(CommandLine.arguments[1], seed)
} catch {
    say("failed \(error)")
    exit(1)
}
