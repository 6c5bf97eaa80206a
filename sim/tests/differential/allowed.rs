//! What differs on purpose: sequence, step, the start of the difference, and why.

use crate::steps::Sequence;

type Entry = (&'static str, usize, &'static str, &'static str);

const DUMP: &str = "the real message carries a dump or diff of Go's internal type";
const STRICT: &str = "the real message carries the whole patched object";
const REWRITE: &str = "the real server writes the same content once more: its stored bytes differ, its answer does not";
const ACCESSOR: &str = "the real server reads the scale path of an object that it has refused already";

const ALLOWED: &[Entry] = &[
    ("patches", 14, "/body/message", STRICT),
    ("patches", 14, "/body/details", STRICT),
    ("kind-job", 3, "/body/metadata/resourceVersion", REWRITE),
    ("kind-pvc", 3, "/body/metadata/resourceVersion", REWRITE),
    ("kind-job", 4, "/body/metadata/resourceVersion", REWRITE),
    ("kind-pvc", 4, "/body/metadata/resourceVersion", REWRITE),
    ("immutable-others", 5, "/body/message", DUMP),
    ("immutable-others", 5, "/body/details/causes/0/message", DUMP),
    ("immutable-others", 7, "/body/message", DUMP),
    ("immutable-others", 7, "/body/details/causes/0/message", DUMP),
    ("immutable-others", 21, "/body/message", DUMP),
    ("immutable-others", 21, "/body/details/causes/0/message", DUMP),
    ("crds", 7, "/body/message", ACCESSOR),
    ("crds", 7, "/body/details/causes", ACCESSOR),
];

fn show(e: &Entry) -> String {
    format!("{} step {} {} ({})", e.0, e.1, e.2, e.3)
}

/// The entry that allows a difference.
pub(crate) fn reason(sequence: &str, step: usize, difference: &str) -> Option<String> {
    ALLOWED.iter().find(|e| e.0 == sequence && e.1 == step && difference.starts_with(e.2)).map(show)
}

/// The entries of these sequences.
pub(crate) fn entries(sequences: &[Sequence]) -> impl Iterator<Item = String> {
    ALLOWED.iter().filter(|e| sequences.iter().any(|s| s.name == e.0)).map(show)
}
