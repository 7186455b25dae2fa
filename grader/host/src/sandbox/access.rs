//! Which files a sandboxed command may use.

use std::path::PathBuf;

/// The folders that a command may use.
#[derive(Clone, Debug)]
pub struct FileAccess {
    /// It may read these and execute what is in them.
    pub readable: Vec<PathBuf>,
    /// It may do anything here, and nothing elsewhere.
    pub writable: PathBuf,
}

/// What a dynamically linked program needs, wherever it is. None of it is anybody's secret.
#[cfg(target_os = "linux")]
pub(super) const SYSTEM: [&str; 6] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/nix/store",
];
