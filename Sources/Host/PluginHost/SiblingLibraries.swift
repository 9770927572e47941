internal import Failure
internal import Glibc

/// The libraries that a plugin brings along and looks for by $ORIGIN, the folder that it lies in.
///
/// A node maps a copy of the plugin from another folder. A library that is loaded already is not searched for
/// (dlopen(3)), so those beside the original are loaded first, from where they are.
package struct SiblingLibraries {
    /// Folders of the original that the copy's own search would miss.
    let folders: [String]

    /// Where they lie, found and not opened.
    package static func paths(of copy: String, at original: String) -> [String] {
        guard let section = DynamicSection(of: copy) else { return [] }
        return found(section, in: folders(of: section, at: original)).map(\.path)
    }

    private static func folders(of section: DynamicSection, at original: String) -> [String] {
        let place = original.lastIndex(of: "/").map { String(original[..<$0]) } ?? "."
        return section.searched.compactMap { folder in
            let names = ["$ORIGIN", "${ORIGIN}"]
            return names.first { folder.hasPrefix($0) }.map { place + folder.dropFirst($0.count) }
        }
    }

    private static func found(_ section: DynamicSection, in folders: [String]) -> [(name: String, path: String)] {
        section.needed.filter { !$0.contains("/") }.compactMap { name in
            folders.first { access("\($0)/\(name)", R_OK) == 0 }.map { (name, "\($0)/\(name)") }
        }
    }

    /// - Parameter copy: the file to be mapped; `original` is the one whose place counts.
    /// - Throws: `Failure(.unavailable)` naming the library that cannot be used, and why.
    init(of copy: String, at original: String) throws(Failure) {
        func refuse(_ why: String) -> Failure { Failure(.unavailable, "plugin \(original): \(why)") }
        guard let section = DynamicSection(of: copy) else {
            folders = []
            return
        }
        folders = Self.folders(of: section, at: original)
        for (name, path) in Self.found(section, in: folders) {
            try PluginLibrary.checkTrust(path: path)
            let called = DynamicSection(of: path)?.soname
            guard called == name else {
                throw refuse(
                    "needs \(name), and the one beside it says that its name is \(called ?? "none"); link that with "
                        + "-Wl,-soname,\(name), because a copy of the plugin is loaded from another folder")
            }
            guard dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) != nil else {
                throw refuse("needs \(name): \(dlerror().map { String(cString: $0) } ?? "cannot be loaded")")
            }
        }
    }

    /// What to add to the dynamic linker's complaint.
    var hint: String {
        folders.isEmpty ? "" : " (by its $ORIGIN it was looked for in \(folders.joined(separator: ", ")) too)"
    }
}
