//! `--show-only`. Helm: `pkg/cmd/template.go`.

use crate::chart::Pattern;
use crate::manifest::split;

/// Of the printed documents those that come from these templates: paths without the name of the chart, or patterns.
pub(super) fn only(text: &str, wanted: &[String]) -> Result<String, String> {
    let documents = split(text);
    let mut out = String::new();
    for file in wanted {
        let pattern = Pattern::new(file);
        let mut missing = true;
        for document in &documents {
            let matches = pattern.as_ref().zip(source(document)).is_some_and(|(pattern, path)| pattern.matches(path));
            if matches {
                out.push_str(&format!("---\n{document}\n"));
                missing = false;
            }
        }
        if missing {
            return Err(format!("could not find template {file} in chart"));
        }
    }
    Ok(out)
}

/// The template of a document, without the name of the chart.
fn source(document: &str) -> Option<&str> {
    let line = document.lines().find_map(|line| line.split_once("# Source: ").map(|(_, path)| path))?;
    line.split_once('/').map(|(_, path)| path).filter(|path| !path.is_empty())
}
