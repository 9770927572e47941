import CRWasm

/// The trusted root of a function image: what its instances are made of, as constants, and the linker's script.
struct ImageRoot {
    let program: Program
    /// Paths of the types that implement `rt::Module`.
    let mainType: String
    let shimType: String

    /// A table without a maximum can grow by so many elements; room for them is taken from the function's memory.
    static let tableGrowth: UInt32 = 1024
    /// Files beside the root that hold the modules' data.
    static let mainData = "main.bin"
    static let shimData = "shim.bin"

    var text: String {
        var text = "#![no_std]\n#![no_main]\nextern crate rt;\nuse rt::native::*;\n"
        text += plan("MAIN", program.instantiable, mainType, Self.mainData)
        if let server = program.server {
            text += plan("SHIM", server.instantiable, shimType, Self.shimData)
            let functions = program.served.map { "\($0)" }.joined(separator: ", ")
            let reach = server.reach.map { "Reach::\($0.rawValue.capitalised)" }.joined(separator: ", ")
            text +=
                "static SERVED: Served = Served {\nshim: &SHIM,\nfunctions: &[\(functions)],\nreach: &[\(reach)],\n};\n"
        }
        text += "static IMAGE: Image = Image {\nmain: &MAIN,\n"
        text += "served: \(program.server == nil ? "None" : "Some(&SERVED)"),\n"
        text += "steps: &[\n\(program.steps.map(step).joined())],\nsystem_data: \(program.systemData ?? 0),\n};\n"
        text +=
            "#[no_mangle]\npub unsafe extern \"C\" fn __rwasm_image(entry: *mut Entry) -> ! {\nrun(&IMAGE, entry)\n}\n"
        return text
    }

    private func step(_ step: Program.Step) -> String {
        let argument =
            switch step.argument {
            case .none: "None"
            case .entryBlock: "EntryBlock"
            case .exitCode: "ExitCode"
            }
        return "Step { is_shim: \(step.isShim), function: \(step.function), argument: Argument::\(argument), "
            + "gives_code: \(step.givesCode) },\n"
    }

    private func plan(_ name: String, _ instantiable: InstantiableModule, _ type: String, _ file: String) -> String {
        let (module, template) = (instantiable.module, instantiable.template)
        let begin = Self.dataRange(module).lowerBound
        let globals = template.globals.map { "(\($0.low), \($0.high))" }.joined(separator: ", ")
        let tables = module.tables.map { table in
            let size = table.limits.minimum
            let most = min(table.limits.maximum ?? .max, size.addingReportingOverflow(Self.tableGrowth).partialValue)
            return "TablePlan { size: \(size), capacity: \(max(size, most)) }"
        }
        let elements = zip(module.elements, template.elements).map { segment, references in
            "ElementPlan { is_passive: \(segment.mode.isPassive), references: \(list(references)) }"
        }
        let tableFills = template.tableFills.map {
            "TableFill { table: \($0.table), offset: \($0.offset), references: \(list(template.elements[$0.segment])) }"
        }
        let data = module.data.map {
            "DataPlan { begin: \($0.bytes.lowerBound - begin), count: \($0.bytes.count), is_passive: \($0.mode.isPassive) }"
        }
        let memoryFills = template.memoryFills.map {
            "MemoryFill { offset: \($0.offset), begin: \($0.bytes.lowerBound - begin), count: \($0.bytes.count) }"
        }
        return """
            static \(name): Plan = Plan {
            code: rt::Descriptor::of::<\(type)>(),
            tag: \(template.tag),
            has_memory: \(!module.memories.isEmpty),
            minimum: \(instantiable.minimumBytes),
            maximum: \(instantiable.maximumBytes),
            globals: &[\(globals)],
            tables: &[\(tables.joined(separator: ", "))],
            elements: &[\(elements.joined(separator: ",\n"))],
            table_fills: &[\(tableFills.joined(separator: ",\n"))],
            data: &[\(data.joined(separator: ",\n"))],
            memory_fills: &[\(memoryFills.joined(separator: ",\n"))],
            bytes: include_bytes!("\(file)"),
            };

            """
    }

    private func list(_ references: [UInt64]) -> String {
        "&[\(references.map { "\($0)" }.joined(separator: ", "))]"
    }

    /// The bytes of a module from the first data segment's to the last one's.
    static func dataRange(_ module: Module) -> Range<Int> {
        let begin = module.data.map(\.bytes.lowerBound).min() ?? 0
        return begin..<max(begin, module.data.map(\.bytes.upperBound).max() ?? 0)
    }

    /// As backends want it: fixed addresses from 0x10000 on, rights that change at pages, and at the end the memory that
    /// inputs are placed behind. The library of Rust's core names a symbol that nothing here calls.
    var script: String {
        """
        ENTRY(_start)
        PROVIDE(rust_eh_personality = 0);
        PHDRS { constants PT_LOAD FLAGS(4); code PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }
        SECTIONS
        {
            . = 0x10000;
            .rodata : { *(.rodata .rodata.*) } :constants
            . = ALIGN(4096);
            .text : { *(.text .text.*) } :code
            . = ALIGN(4096);
            .data : { *(.data .data.* .got .got.*) } :data
            .bss : { *(.bss .bss.* COMMON) } :data
            . = ALIGN(4096);
            .memory (NOLOAD) : { __rwasm_memory = .; . += \(max(program.front.minimumBytes, 1)); } :data
            /DISCARD/ : { *(.eh_frame .eh_frame_hdr .gcc_except_table .gcc_except_table.* .comment .note .note.*) }
        }

        """
    }
}

extension String {
    fileprivate var capitalised: String { prefix(1).uppercased() + dropFirst() }
}
