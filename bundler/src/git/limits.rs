//! How much of a repository is too much.

use std::time::Duration;

/// The caps on one fetch and on one reading of a commit. Each has an error of its own ([`super::Cap`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one pack as it arrives.
    pub max_pack_bytes: u64,
    /// Objects in one pack.
    pub max_objects: u32,
    /// Bytes of one object, unpacked: what the hub may have to hold in memory while it takes a pack in.
    pub max_object_bytes: u64,
    /// Files (links and submodules included) of one commit.
    pub max_files: usize,
    /// Bytes of one file that is read.
    pub max_file_bytes: u64,
    /// How long one fetch may take, from the first connection to the last object on disk.
    pub timeout: Duration,
}

impl Default for Limits {
    /// 1 GiB and a million objects of at most 256 MiB in a pack, 200,000 files, 64 MiB a file, five minutes.
    fn default() -> Self {
        Self {
            max_pack_bytes: 1 << 30,
            max_objects: 1_000_000,
            max_object_bytes: 256 << 20,
            max_files: 200_000,
            max_file_bytes: 64 << 20,
            timeout: Duration::from_secs(300),
        }
    }
}
