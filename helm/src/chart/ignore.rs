//! `.helmignore`. Helm: `pkg/ignore/rules.go`.

use super::{Error, Pattern};

/// The rules of a `.helmignore`, in order.
#[derive(Debug, Clone, Default)]
pub struct Rules(Vec<Rule>);

#[derive(Debug, Clone)]
struct Rule {
    pattern: Pattern,
    /// Ignores what does *not* match.
    negate: bool,
    /// Only directories match.
    only_dirs: bool,
    /// The whole path must match, not the last part of it alone.
    whole_path: bool,
}

impl Rules {
    /// The rules of a file, and Helm's own: files below `templates/` whose names begin with a dot.
    ///
    /// # Errors
    /// A pattern with `**`, or a malformed one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rules = Vec::new();
        for line in text.lines().chain(["templates/.?*"]) {
            rules.extend(rule(line)?);
        }
        Ok(Self(rules))
    }

    /// Whether the path is left out. The first rule that says so decides; a negated one ignores all that it does not match.
    pub fn ignores(&self, path: &str, is_dir: bool) -> bool {
        if matches!(path, "" | "." | "./") {
            return false;
        }
        self.0.iter().any(|rule| rule.ignores(path, is_dir))
    }
}

impl Rule {
    fn ignores(&self, path: &str, is_dir: bool) -> bool {
        if self.only_dirs && !is_dir {
            return self.negate;
        }
        let subject = if self.whole_path { path } else { path.rsplit('/').next().unwrap_or(path) };
        self.pattern.matches(subject) != self.negate
    }
}

/// Helm: `parseRule`.
fn rule(line: &str) -> Result<Option<Rule>, Error> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    if line.contains("**") {
        return Err(Error::Ignore("double-star (**) syntax is not supported".to_owned()));
    }
    let bad = || Error::Ignore(format!("syntax error in pattern {line:?} of .helmignore"));
    Pattern::new(line).ok_or_else(bad)?;
    let (negate, rest) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
    let (only_dirs, rest) = rest.strip_suffix('/').map_or((false, rest), |rest| (true, rest));
    let (whole_path, rest) = match rest.strip_prefix('/') {
        Some(rest) => (true, rest),
        None => (rest.contains('/'), rest),
    };
    // What is left can be malformed where the whole was not (`a\/`): Helm then matches nothing.
    let Some(pattern) = Pattern::new(rest) else { return Ok(None) };
    Ok(Some(Rule { pattern, negate, only_dirs, whole_path }))
}
