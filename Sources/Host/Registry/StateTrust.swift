public import Failure
internal import Glibc

/// Opens folders of the state only where nobody but the node's user can have put something into them.
public enum StateTrust {
    /// A descriptor of the folder, to be closed by the caller. The last part of `name` is not followed when it is a link.
    /// - Parameters:
    ///   - name: relative to the folder `parent`, or a path.
    ///   - path: what messages call it; nil = `name`.
    /// - Throws: `.internal`, with what to do.
    public static func folder(
        _ name: String, in parent: Int32? = nil, called path: String? = nil
    ) throws(Failure) -> Int32 {
        let path = path ?? name
        let descriptor = openat(parent ?? AT_FDCWD, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            let isOther = errno == ELOOP || errno == ENOTDIR
            let why = isOther ? "it is a link, or no folder" : String(cString: strerror(errno))
            throw Failure(.internal, "state: cannot open the folder \(path) as user \(geteuid()): \(why)")
        }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_uid == geteuid() else {
            close(descriptor)
            throw Failure(
                .internal,
                "state: the folder \(path) belongs to user \(facts.st_uid), not to the node's, \(geteuid()): what lies in "
                    + "it cannot be trusted")
        }
        guard facts.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            close(descriptor)
            throw Failure(
                .internal,
                "state: others can write the folder \(path): chmod go-w it, when you know what lies in it")
        }
        return descriptor
    }
}
