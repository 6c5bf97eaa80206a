//! Fuzz targets for every parser and decoder: whatever the bytes are, no panic, no endless loop, no memory without end, and
//! what each target claims besides.
//!
//! `fuzz/run` builds this with coverage counters (stable Rust, libFuzzer) and runs every target for a while, from seeds made
//! of the fixtures; `fuzz/run TARGET SECONDS` runs one. `FUZZ_TARGET` says which one a process is.

#![no_main]

mod bundles;
mod charts;
mod documents;
mod wire;

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

type Target = fn(&[u8]);

/// All targets, by name.
const TARGETS: [(&str, Target); 14] = [
    ("yaml", documents::yaml),
    ("yaml-emit", documents::yaml_emit),
    ("names", documents::names),
    ("strategic", documents::strategic),
    ("kustomize", bundles::kustomize),
    ("bundle", bundles::bundle),
    ("fleet-yaml", bundles::fleet_yaml),
    ("template", charts::template),
    ("chart", charts::chart),
    ("archive", charts::archive),
    ("set", charts::set),
    ("versions", charts::versions),
    ("desired", wire::desired),
    ("sync", wire::sync),
];

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    match TARGETS.iter().find(|(name, _)| *name == wanted) {
        Some((_, target)) => *target,
        None => {
            eprintln!("FUZZ_TARGET is one of: {}", TARGETS.map(|(name, _)| name).join(" "));
            std::process::exit(2);
        }
    }
});

fuzz_target!(|data: &[u8]| TARGET(data));
