internal import CVersion

/// The version of this host.
public enum PlatformVersion {
    public static let text = String(cString: dandelion_version())
}
