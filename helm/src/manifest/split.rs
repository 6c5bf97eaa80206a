//! Documents of a text, as Helm cuts them. Helm: `pkg/release/v1/util/manifest.go`, `SplitManifests`.

/// The documents between lines that begin with `---`, without blank ones. What follows the dashes on such a line belongs to the
/// next document: charts have relied on `---apiVersion: v1`.
pub fn split(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let mut rest = text.trim_start();
    let mut at = 0;
    loop {
        let line = rest.get(at..).unwrap_or_default();
        if let Some(behind) = line.strip_prefix("---") {
            documents.push(rest.get(..at).unwrap_or_default());
            rest = behind.trim_start_matches([' ', '\t']);
            at = 0;
        }
        // What is behind the dashes on their line is no beginning of a line.
        match rest.get(at..).and_then(|line| line.find('\n')) {
            Some(end) => at += end + 1,
            None => break,
        }
    }
    documents.push(rest);
    documents.into_iter().map(str::trim_start).filter(|document| !document.is_empty()).collect()
}
