//! Documents of a text, as Helm cuts them. Helm: `pkg/release/v1/util/manifest.go`, `SplitManifests`.

use memchr::memmem::Finder;

/// What stands at the beginning of a line between documents.
const DIVIDER: &str = "---";

/// The documents between lines that begin with `---`, without blank ones. What follows the dashes on such a line belongs to the
/// next document: charts have relied on `---apiVersion: v1`.
pub fn split(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let mut rest = text.trim_start();
    if let Some(behind) = rest.strip_prefix(DIVIDER) {
        rest = behind.trim_start_matches([' ', '\t']);
    }
    // What is behind the dashes on their line is no beginning of a line.
    let finder = Finder::new("\n---");
    while let Some(end) = finder.find(rest.as_bytes()) {
        let (document, behind) = rest.split_at(end + 1);
        documents.push(document);
        rest = behind.strip_prefix(DIVIDER).unwrap_or(behind).trim_start_matches([' ', '\t']);
    }
    documents.push(rest);
    documents.into_iter().map(str::trim_start).filter(|document| !document.is_empty()).collect()
}
