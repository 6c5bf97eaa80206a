//! The contents of a Bundle as Fleet stores them: text, or gzip in base64. Only `skiff bundle` writes them; the hub
//! keeps files as blobs.

use super::FoundBundle;
use base64::Engine as _;
use file_tree::{Files, MemoryTree};
use flate2::Compression;
use flate2::write::GzEncoder;
use fleet_api::v1alpha1::Bundle;
use std::io::Write as _;

/// The encoding of what is not plain text.
pub(super) const COMPRESSED: &str = "base64+gz";
/// From this size of its JSON on, Fleet compresses every resource of a Bundle.
const COMPRESS_FROM: usize = 1_000_000;

/// The Bundle with the contents of its resources.
///
/// # Errors
/// What `files` fails with.
pub fn with_contents(files: &dyn Files, found: &FoundBundle) -> Result<Bundle, file_tree::Error> {
    let mut bundle = found.bundle.clone();
    fill(files, found, &mut bundle, false)?;
    let size = serde_json::to_vec(&bundle).map_or(usize::MAX, |json| json.len());
    if size >= COMPRESS_FROM {
        fill(files, found, &mut bundle, true)?;
    }
    Ok(bundle)
}

/// The files that a bundle is rendered from, as a tree of its own: links followed, nothing else in it.
///
/// # Errors
/// What `files` fails with.
pub fn bundle_tree(files: &dyn Files, found: &FoundBundle) -> Result<MemoryTree, file_tree::Error> {
    let mut tree = MemoryTree::new();
    for file in &found.files {
        tree.insert(&file.path, file.mode, &*found.content(files, &file.path)?)?;
    }
    Ok(tree)
}

/// Where a file of the bundle at `dir` lies in the repository.
pub(super) fn place_of(dir: &str, file: &str) -> String {
    match skiff_render::outside::path_of(file) {
        Some(path) => path.to_owned(),
        None => super::glob::join(dir, file),
    }
}

fn fill(files: &dyn Files, found: &FoundBundle, bundle: &mut Bundle, compress: bool) -> Result<(), file_tree::Error> {
    for resource in &mut bundle.spec.resources {
        let bytes = found.content(files, &resource.name)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) if !compress => text.clone_into(&mut resource.content),
            _ => {
                resource.content = gzip_base64(&bytes);
                COMPRESSED.clone_into(&mut resource.encoding);
            }
        }
    }
    Ok(())
}

fn gzip_base64(bytes: &[u8]) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default();
    base64::engine::general_purpose::STANDARD.encode(compressed)
}
