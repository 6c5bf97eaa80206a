//! Looking for secrets in all that was written. The tests of the command line have this module, too.

use std::io::{ErrorKind, Result};
use std::path::Path;

/// How often a directory is looked at anew.
const AGAIN: usize = 100;

/// Whether a canary stands there, as it is or in base64.
pub(crate) fn holds(haystack: &[u8], canary: &str) -> bool {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(canary);
    // Base64 of a text in the middle of another: the part that does not depend on where it begins.
    let needles = [canary.as_bytes(), &encoded.as_bytes()[..encoded.len() - 4]];
    needles.iter().any(|needle| haystack.windows(needle.len()).any(|window| window == *needle))
}

/// Path and content of all files below a directory. A hub may be writing: where one has got its name meanwhile, all is
/// looked at anew.
///
/// # Errors
/// What cannot be read.
pub(crate) fn files(dir: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    for _ in 0..AGAIN {
        match walk(dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            walked => return walked,
        }
    }
    walk(dir)
}

fn walk(dir: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        match entry?.path() {
            path if path.is_dir() => found.extend(walk(&path)?),
            path => found.push((path.display().to_string(), std::fs::read(&path)?)),
        }
    }
    Ok(found)
}
