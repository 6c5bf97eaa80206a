//! The files of a Bundle as one blob: a line of JSON with the entries, then their contents one after the other. The
//! same files give the same bytes.

use file_tree::{MemoryTree, Mode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One file in a packed tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PackedEntry {
    path: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    executable: bool,
    size: usize,
}

/// Packs files: path to mode and content. Symbolic links were followed when they were read.
pub fn pack(files: &BTreeMap<String, (Mode, Vec<u8>)>) -> Vec<u8> {
    let entries: Vec<PackedEntry> = files
        .iter()
        .map(|(path, (mode, content))| PackedEntry {
            path: path.clone(),
            executable: *mode == Mode::Executable,
            size: content.len(),
        })
        .collect();
    let mut out = serde_json::to_vec(&entries).unwrap_or_default();
    out.push(b'\n');
    for (_, content) in files.values() {
        out.extend_from_slice(content);
    }
    out
}

/// Why a packed tree cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("a stored tree of files cannot be read: {0}")]
pub struct UnpackError(String);

/// Reads what [`pack`] wrote.
///
/// # Errors
/// Where it is something else.
pub fn unpack(bytes: &[u8]) -> Result<MemoryTree, UnpackError> {
    let wrong = |what: &str| UnpackError(what.to_owned());
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| wrong("there is no list of files"))?;
    let entries: Vec<PackedEntry> =
        serde_json::from_slice(&bytes[..end]).map_err(|error| UnpackError(error.to_string()))?;
    let mut rest = &bytes[end + 1..];
    let mut tree = MemoryTree::new();
    for entry in entries {
        let (content, more) = rest.split_at_checked(entry.size).ok_or_else(|| wrong("it is cut short"))?;
        rest = more;
        let mode = if entry.executable { Mode::Executable } else { Mode::Regular };
        tree.insert(&entry.path, mode, content).map_err(|error| UnpackError(error.to_string()))?;
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;
    use file_tree::Files as _;

    #[test]
    fn reads_back_what_it_packed() {
        let files = BTreeMap::from([
            ("a/run.sh".to_owned(), (Mode::Executable, b"#!\n".to_vec())),
            ("b.yaml".to_owned(), (Mode::Regular, b"x: 1\n\n".to_vec())),
            ("empty".to_owned(), (Mode::Regular, Vec::new())),
        ]);
        let packed = pack(&files);
        let tree = unpack(&packed).unwrap();
        for (path, (mode, content)) in &files {
            assert_eq!(&*tree.read(path).unwrap(), content.as_slice());
            assert_eq!(tree.entry(path).unwrap().mode, *mode);
        }
        assert!(unpack(&packed[..packed.len() - 1]).is_err());
        assert!(unpack(b"").is_err());
    }
}
