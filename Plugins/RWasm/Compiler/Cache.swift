import Glibc
import PluginSupport

/// A folder of compiled modules, bounded: what was not used for longest goes first.
struct Cache {
    let directory: String
    private let isTemporary: Bool
    private let budget: UInt64

    /// Nil makes a folder that `close` removes.
    init(_ directory: String?, budget: UInt64) throws(PluginError) {
        self.budget = budget
        isTemporary = directory == nil
        if let directory {
            try Files.makeDirectory(directory)
            self.directory = directory
        } else {
            self.directory = try Files.makeTemporary("/tmp/dandelion-rwasm-")
        }
    }

    func close() { if isTemporary { Files.remove(directory) } }

    /// Removes the oldest objects until the rest is within the budget. Loaded ones live on until they are unloaded.
    func prune(keeping kept: String) {
        guard !isTemporary else { return }
        removeWork()
        var files: [(path: String, size: UInt64, used: Int)] = []
        for name in Files.names(in: directory) where name.hasSuffix(".so") || name.hasSuffix(".elf") {
            var status = stat()
            let path = "\(directory)/\(name)"
            guard path != kept, stat(path, &status) == 0 else { continue }
            files.append((path, UInt64(clamping: status.st_size), max(status.st_atim.tv_sec, status.st_mtim.tv_sec)))
        }
        var total = files.reduce(0) { $0 + $1.size }
        for file in files.sorted(by: { $0.used < $1.used }) where total > budget {
            unlink(file.path)
            total -= file.size
        }
    }

    /// Removes the folders of compilations that the end of a node cut short: none takes as long as `longestWork`.
    private func removeWork() {
        for name in Files.names(in: directory) where name.hasPrefix(Builder.workPrefix) {
            var status = stat()
            let path = "\(directory)/\(name)"
            guard stat(path, &status) == 0, time(nil) - status.st_mtim.tv_sec > Self.longestWork else { continue }
            Files.remove(path)
        }
    }

    /// Seconds.
    private static var longestWork: Int { 24 * 3600 }
}
