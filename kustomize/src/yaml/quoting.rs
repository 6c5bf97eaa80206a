//! Which strings other readers of YAML would take for something else.

use k8s_yaml::{Mode, Options, Scalar, resolve_untagged};

/// Whether `text`, unquoted, is something else than a string to YAML 1.1 (go-yaml v2), as `yes`, `1_0`, `[a]` or `a: b`.
/// Texts of several lines and texts that cannot be read count as strings.
///
/// kustomize: kyaml/yaml/compatibility.go (`IsValueNonString`).
#[must_use]
pub fn reads_as_non_string(text: &str) -> bool {
    if text.is_empty() || text.contains('\n') {
        return false;
    }
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
        && !text.starts_with('-')
    {
        return !matches!(resolve_untagged(Mode::Sigs, text), Scalar::Text(_) | Scalar::Timestamp(_) | Scalar::Merge);
    }
    match k8s_yaml::parse(text, &Options::sigs()) {
        Ok(documents) => documents.first().is_none_or(|document| document.node.as_str().is_none()),
        Err(_) => false,
    }
}
