//! Go's `filepath.Match` and `filepath.Glob` over a tree. Fleet uses them for `spec.paths` and `.fleetignore`, so a
//! pattern has to mean the same here: no `**`, no braces, `\` escapes.

use file_tree::Files;

/// A pattern that Go refuses (`ErrBadPattern`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern: `[` without `]`, a bad range, or a `\\` at the end")]
pub(super) struct BadPattern;

/// One step of a pattern.
enum Step<'a> {
    /// `*`
    Any,
    /// `?`
    One,
    /// `[…]`, without the brackets; negated or not.
    Class { ranges: &'a [(char, char)], negated: bool },
    /// A character.
    Literal(char),
}

/// A checked pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    steps: Vec<Owned>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Owned {
    Any,
    One,
    Class { ranges: Vec<(char, char)>, negated: bool },
    Literal(char),
}

impl Owned {
    fn step(&self) -> Step<'_> {
        match self {
            Self::Any => Step::Any,
            Self::One => Step::One,
            Self::Class { ranges, negated } => Step::Class { ranges, negated: *negated },
            Self::Literal(c) => Step::Literal(*c),
        }
    }
}

impl Pattern {
    /// Reads a pattern.
    pub(super) fn parse(text: &str) -> Result<Self, BadPattern> {
        let mut steps = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            steps.push(match c {
                '*' => Owned::Any,
                '?' => Owned::One,
                '\\' => Owned::Literal(rest.next().ok_or(BadPattern)?),
                '[' => class(&mut rest)?,
                c => Owned::Literal(c),
            });
        }
        Ok(Self { steps })
    }

    /// Whether the whole of `name` matches. `*`, `?` and classes do not match `/`.
    pub(super) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        // Where to go back to when the steps after the last `*` do not fit: one more character goes to the `*`.
        let mut retry: Option<(usize, usize)> = None;
        let (mut step, mut at) = (0, 0);
        loop {
            match self.steps.get(step).map(Owned::step) {
                None if at == name.len() => return true,
                Some(Step::Any) => {
                    retry = Some((step, at));
                    step += 1;
                    continue;
                }
                Some(one) if name.get(at).is_some_and(|c| accepts(&one, *c)) => {
                    step += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            match retry {
                Some((star, taken)) if name.get(taken).is_some_and(|c| *c != '/') => {
                    retry = Some((star, taken + 1));
                    step = star + 1;
                    at = taken + 1;
                }
                _ => return false,
            }
        }
    }
}

fn accepts(step: &Step<'_>, c: char) -> bool {
    match step {
        Step::Any => false,
        Step::One => c != '/',
        // Go lets a class match `/` only where the class names it; no name of a directory holds one.
        Step::Class { ranges, negated } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
        Step::Literal(literal) => *literal == c,
    }
}

/// The class after its `[`.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Owned, BadPattern> {
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && rest.next_if_eq(&']').is_some() {
            return Ok(Owned::Class { ranges, negated });
        }
        let low = class_character(rest)?;
        let high = if rest.next_if_eq(&'-').is_some() { class_character(rest)? } else { low };
        ranges.push((low, high));
    }
}

/// Go's `getEsc`: a `-` or `]` must be escaped, and something must follow.
fn class_character(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<char, BadPattern> {
    let c = match rest.next().ok_or(BadPattern)? {
        '-' | ']' => return Err(BadPattern),
        '\\' => rest.next().ok_or(BadPattern)?,
        c => c,
    };
    if rest.peek().is_none() { Err(BadPattern) } else { Ok(c) }
}

/// Whether a path matches a pattern, `*` within its parts alone; not where the pattern is none.
pub(crate) fn path_matches(pattern: &str, path: &str) -> bool {
    Pattern::parse(pattern).is_ok_and(|pattern| pattern.matches(path))
}

/// Why an entry of `spec.paths` gives no directories.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum GlobError {
    /// Not a pattern.
    #[error(transparent)]
    Pattern(#[from] BadPattern),
    /// It leaves the repository.
    #[error("the path leaves the repository")]
    Outside,
}

/// The directories of the tree that match `pattern`, normalised, in the order of Go's `filepath.Glob`.
pub(super) fn directories(files: &dyn Files, pattern: &str) -> Result<Vec<String>, GlobError> {
    // Go checks the whole pattern first, also where an early part matches nothing.
    Pattern::parse(pattern)?;
    if pattern.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty() && *part != ".") {
        let mut next = Vec::new();
        for dir in &found {
            if part == ".." {
                if dir.is_empty() {
                    return Err(GlobError::Outside);
                }
                next.push(file_tree::parent(dir).to_owned());
            } else if part.contains(['*', '?', '[', '\\']) {
                let pattern = Pattern::parse(part)?;
                let names = files.list_dir(dir).into_iter().filter(file_tree::DirEntry::is_dir);
                next.extend(names.filter(|entry| pattern.matches(&entry.name)).map(|entry| join(dir, &entry.name)));
            } else {
                let path = join(dir, part);
                if files.is_dir(&path) {
                    next.push(path);
                }
            }
        }
        found = next;
    }
    Ok(found)
}

/// `dir/name`; `name` for the root.
pub(super) fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        // From `path/filepath/match_test.go`; `None` is ErrBadPattern.
        let table = [
            ("abc", "abc", Some(true)),
            ("*", "abc", Some(true)),
            ("*c", "abc", Some(true)),
            ("a*", "a", Some(true)),
            ("a*", "ab/c", Some(false)),
            ("a*/b", "abc/b", Some(true)),
            ("a*/b", "a/c/b", Some(false)),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", Some(true)),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", Some(false)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Some(true)),
            ("a*b?c*x", "abxbbxdbxebxczzy", Some(false)),
            ("ab[c]", "abc", Some(true)),
            ("ab[b-d]", "abc", Some(true)),
            ("ab[e-g]", "abc", Some(false)),
            ("ab[^c]", "abc", Some(false)),
            ("ab[^b-d]", "abc", Some(false)),
            ("ab[^e-g]", "abc", Some(true)),
            ("a\\*b", "a*b", Some(true)),
            ("a\\*b", "ab", Some(false)),
            ("a?b", "a☺b", Some(true)),
            ("a[^a]b", "a☺b", Some(true)),
            ("a???b", "a☺b", Some(false)),
            ("[a-ζ]*", "α", Some(true)),
            ("*[a-ζ]", "A", Some(false)),
            ("a?b", "a/b", Some(false)),
            ("a*b", "a/b", Some(false)),
            ("[\\]a]", "]", Some(true)),
            ("[\\-]", "-", Some(true)),
            ("[x\\-]", "z", Some(false)),
            ("[]a]", "]", None),
            ("[-]", "-", None),
            ("[x-]", "x", None),
            ("[-x]", "x", None),
            ("\\", "a", None),
            ("[a-b-c]", "a", None),
            ("[", "a", None),
            ("[^", "a", None),
            ("[^bc", "a", None),
            ("a[", "a", None),
            ("a[", "ab", None),
            ("a[", "x", None),
            ("a/b[", "x", None),
            ("*x", "xxx", Some(true)),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(Pattern::parse(pattern).ok().map(|p| p.matches(name)), expected, "{pattern} {name}");
        }
    }
}
