//! `build` over any tree: it may refuse it, but not panic, hang or use up the memory.
//!
//!     cd kustomize && cargo +nightly fuzz run build ../testdata/kustomize/differential
//!
//! The input is a tree in the format of those goldens: `=== path` before each file.

#![no_main]

use file_tree::{MemoryTree, Mode};
use kustomize_rs::{Options, build};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut tree = MemoryTree::new();
    for part in text.split("=== ").skip(1) {
        let (path, content) = part.split_once('\n').unwrap_or((part, ""));
        // A path that a tree cannot hold is left out.
        let _ = tree.insert(path.trim_end(), Mode::Regular, content.as_bytes());
    }
    if let Ok(output) = build(&tree, "top", &Options::default()) {
        std::hint::black_box(output.to_yaml());
    }
});
