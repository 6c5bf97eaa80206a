//! `.fleetignore` (reference §2.3): which files of a bundle's directory are no resources.
//!
//! Better than Fleet on purpose: the rules of `dir` hold below `dir` alone; in Fleet they leak to every path that
//! begins like it (`dir2/x`, `dir.yaml`).

use super::glob::{BadPattern, Pattern};
use std::collections::BTreeMap;

/// The name of the file.
pub(super) const FILE_NAME: &str = ".fleetignore";

/// One line.
#[derive(Debug)]
enum Rule {
    /// `name/*`: directories of this name.
    Directory(String),
    /// Anything else: files and directories whose name matches.
    Name(Pattern),
}

/// The rules of all directories of a bundle, by directory (relative to the bundle).
#[derive(Debug, Default)]
pub(super) struct Rules {
    by_directory: BTreeMap<String, Vec<Rule>>,
}

impl Rules {
    /// Adds the rules of the `.fleetignore` in `dir`. The error names the line, from 1.
    pub(super) fn add(&mut self, dir: &str, text: &str) -> Result<(), (usize, BadPattern)> {
        let mut rules = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = without_trailing_blanks(line);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            rules.push(match line.find("/*") {
                Some(slash) if slash > 0 => Rule::Directory(line.strip_suffix("/*").unwrap_or(line).to_owned()),
                _ => Rule::Name(Pattern::parse(line).map_err(|error| (at + 1, error))?),
            });
        }
        if !rules.is_empty() {
            self.by_directory.insert(dir.to_owned(), rules);
        }
        Ok(())
    }

    /// Whether the file or directory `name` directly in `dir` is left out. Its parents are asked for separately.
    pub(super) fn ignores(&self, dir: &str, name: &str, is_dir: bool) -> bool {
        if self.by_directory.is_empty() {
            return false;
        }
        let mut at = Some(dir);
        while let Some(here) = at {
            let holds = |rule: &Rule| match rule {
                Rule::Directory(directory) => is_dir && directory == name,
                Rule::Name(pattern) => pattern.matches(name),
            };
            if self.by_directory.get(here).is_some_and(|rules| rules.iter().any(holds)) {
                return true;
            }
            at = (!here.is_empty()).then(|| file_tree::parent(here));
        }
        false
    }
}

/// Fleet's `([^\\])\s+$` → `$1`: blanks at the end go, except one that a `\` escapes.
fn without_trailing_blanks(line: &str) -> &str {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\x0c' | '\r' | '\n');
    let kept = line.trim_end_matches(blank);
    if kept.len() == line.len() {
        line
    } else if kept.is_empty() || kept.ends_with('\\') {
        // The blank after the `\` belongs to it.
        &line[..kept.len() + 1]
    } else {
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(files: &[(&str, &str)]) -> Rules {
        let mut rules = Rules::default();
        for (dir, text) in files {
            rules.add(dir, text).unwrap();
        }
        rules
    }

    #[test]
    fn rules_are_fleets() {
        let table = [
            ("skip.yaml", "", "skip.yaml", false, true),
            ("skip.yaml", "deep/er", "skip.yaml", false, true),
            ("# skip.yaml", "", "skip.yaml", false, false),
            ("skip.yaml  \t", "", "skip.yaml", false, true),
            ("keep\\ ", "", "keep ", false, true),
            ("docs", "", "docs", true, true),
            ("docs/*", "", "docs", true, true),
            ("docs/*", "", "docs", false, false),
            ("docs/", "", "docs", true, false),
            ("a/b", "a", "b", false, false),
            ("*.md", "", "x.md", false, true),
            ("!x", "", "x", false, false),
            ("/x", "", "x", false, false),
            ("**", "", "x", false, true),
        ];
        for (text, dir, name, is_dir, expected) in table {
            assert_eq!(rules(&[("", text)]).ignores(dir, name, is_dir), expected, "{text:?} {dir:?} {name:?}");
        }
    }

    #[test]
    fn rules_of_a_directory_hold_below_it_alone() {
        let rules = rules(&[("dir", "*.yaml")]);
        assert!(rules.ignores("dir", "a.yaml", false));
        assert!(rules.ignores("dir/sub", "a.yaml", false));
        assert!(!rules.ignores("dir2", "a.yaml", false));
        assert!(!rules.ignores("", "dir.yaml", false));
    }

    #[test]
    fn a_malformed_pattern_names_its_line() {
        assert_eq!(Rules::default().add("", "a\n\n[").unwrap_err().0, 3);
    }
}
