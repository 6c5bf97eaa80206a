//! Go's regular expressions, checked by Go's rules and written anew for the `regex` crate.
//!
//! Both are of one family and find the same, leftmost-first; they differ in what they accept and how they say no, in flags, and in
//! what `\d`, `\w`, `\s` and `\b` mean (ASCII in Go). Go: `regexp/syntax/parse.go`.

use super::escape::{self, Scanner};

/// Why an expression is refused, in Go's words.
pub(super) fn error(code: &str, what: &str) -> String {
    format!("error parsing regexp: {code}: `{what}`")
}

/// The deepest nesting, as in Go.
const MAX_HEIGHT: usize = 1_000;
/// The most repetitions that nested counts may come to, as in Go.
const MAX_REPEAT: i64 = 1_000;

/// An expression for the `regex` crate, and the names of its groups (`""` for those without).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) pattern: String,
    pub(super) names: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) fold: bool,
    multi_line: bool,
    dot_newline: bool,
    swap_greed: bool,
}

/// A piece that a repetition can apply to.
struct Atom {
    text: String,
    /// The counts of the repetitions in it, as a tree.
    counts: Vec<Count>,
    height: usize,
}

struct Count {
    /// The most, or the least where there is no most.
    times: i64,
    inner: Vec<Count>,
}

/// An open group.
struct Group {
    /// What stands before its content: `(` or `(?:`.
    opening: &'static str,
    /// The flags to return to behind it.
    flags: Flags,
    alternatives: Vec<Atom>,
    sequence: Vec<Atom>,
}

struct Translator<'a> {
    scanner: Scanner<'a>,
    flags: Flags,
    stack: Vec<Group>,
    names: Vec<String>,
}

/// Checks an expression and translates it.
pub(super) fn translate(expression: &str) -> Result<Translated, String> {
    let outer = Group { opening: "(?:", flags: Flags::default(), alternatives: Vec::new(), sequence: Vec::new() };
    let mut translator = Translator {
        scanner: Scanner { rest: expression },
        flags: Flags::default(),
        stack: vec![outer],
        names: vec![String::new()],
    };
    translator.run(expression)?;
    if translator.stack.len() > 1 {
        return Err(error("missing closing )", expression));
    }
    let whole = translator.stack.pop().map(close);
    let pattern = whole.map_or_else(String::new, |(atom, _)| atom.text);
    Ok(Translated { pattern, names: translator.names })
}

fn close(mut group: Group) -> (Atom, Flags) {
    let last = sequence(std::mem::take(&mut group.sequence));
    group.alternatives.push(last);
    let capture = usize::from(group.opening == "(");
    let height = height(&group.alternatives) + capture;
    let counts = group.alternatives.iter_mut().flat_map(|a| std::mem::take(&mut a.counts)).collect();
    let texts: Vec<String> = group.alternatives.into_iter().map(|a| a.text).collect();
    (Atom { text: format!("{}{})", group.opening, texts.join("|")), counts, height }, group.flags)
}

/// Several parts are a node of their own; one alone is itself.
fn height(parts: &[Atom]) -> usize {
    let highest = parts.iter().map(|part| part.height).max().unwrap_or(1);
    highest + usize::from(parts.len() > 1)
}

fn sequence(atoms: Vec<Atom>) -> Atom {
    let height = height(&atoms);
    let mut joined = Atom { text: String::new(), counts: Vec::new(), height };
    for atom in atoms {
        joined.text.push_str(&atom.text);
        joined.counts.extend(atom.counts);
    }
    joined
}

impl Translator<'_> {
    fn run(&mut self, expression: &str) -> Result<(), String> {
        // Where the repetition that has just been read began, for the error about two in a row.
        let mut last_repeat: Option<&str> = None;
        while let Some(c) = self.scanner.peek() {
            let before = self.scanner.rest;
            let mut repeat = None;
            match c {
                '(' => self.open()?,
                '|' => {
                    self.scanner.bump();
                    if let Some(group) = self.stack.last_mut() {
                        let done = sequence(std::mem::take(&mut group.sequence));
                        group.alternatives.push(done);
                    }
                }
                ')' => {
                    self.scanner.bump();
                    self.close_group(expression)?;
                }
                '*' | '+' | '?' => {
                    self.scanner.bump();
                    let (least, most) = match c {
                        '*' => (0, -1),
                        '+' => (1, -1),
                        _ => (0, 1),
                    };
                    self.repeat(&c.to_string(), least, most, before, last_repeat)?;
                    repeat = Some(before);
                }
                '{' => match escape::counts(before) {
                    None => {
                        self.scanner.bump();
                        self.literal('{');
                    }
                    Some((least, most, after)) => {
                        let text = &before[..before.len() - after.len()];
                        if least > MAX_REPEAT || most > MAX_REPEAT || most >= 0 && least > most {
                            return Err(error("invalid repeat count", text));
                        }
                        self.scanner.rest = after;
                        self.repeat(text, least, most, before, last_repeat)?;
                        repeat = Some(before);
                    }
                },
                _ => self.single(c)?,
            }
            last_repeat = repeat;
        }
        Ok(())
    }

    /// What is neither a group nor a repetition.
    fn single(&mut self, c: char) -> Result<(), String> {
        match c {
            '^' => self.bumped(if self.flags.multi_line { "(?m:^)" } else { r"\A" }),
            '$' => self.bumped(if self.flags.multi_line { "(?m:$)" } else { r"\z" }),
            '.' => self.bumped(if self.flags.dot_newline { "(?s:.)" } else { "." }),
            '[' => {
                let class = self.scanner.class(self.flags)?;
                self.push(class);
            }
            '\\' => self.escape()?,
            c => {
                self.scanner.bump();
                self.literal(c);
            }
        }
        Ok(())
    }

    fn bumped(&mut self, text: &str) {
        self.scanner.bump();
        self.push(text.to_owned());
    }

    fn push(&mut self, text: String) {
        if let Some(group) = self.stack.last_mut() {
            group.sequence.push(Atom { text, counts: Vec::new(), height: 1 });
        }
    }

    fn literal(&mut self, c: char) {
        let text = escape::literal(u32::from(c));
        self.push(if self.flags.fold { format!("(?i:{text})") } else { text });
    }

    fn escape(&mut self) -> Result<(), String> {
        let text = self.scanner.rest;
        let second = text[1..].chars().next();
        match second {
            Some('A') => self.zero_width(r"\A"),
            Some('z') => self.zero_width(r"\z"),
            Some('b') => self.zero_width(r"(?-u:\b)"),
            Some('B') => self.zero_width(r"(?-u:\B)"),
            Some('C') => return Err(error("invalid escape sequence", r"\C")),
            Some('Q') => {
                let (quoted, rest) = text[2..].split_once(r"\E").unwrap_or_else(|| (&text[2..], ""));
                self.scanner.rest = rest;
                quoted.chars().for_each(|c| self.literal(c));
            }
            Some('p' | 'P' | 'd' | 'D' | 's' | 'S' | 'w' | 'W') => {
                let class = self.scanner.class_escape()?;
                let class = format!("[{class}]");
                self.push(if self.flags.fold { format!("(?i:{class})") } else { class });
            }
            _ => {
                let code = self.scanner.escape()?;
                let text = escape::literal(code);
                self.push(if self.flags.fold { format!("(?i:{text})") } else { text });
            }
        }
        Ok(())
    }

    fn zero_width(&mut self, text: &str) {
        self.scanner.rest = &self.scanner.rest[2..];
        self.push(text.to_owned());
    }

    fn open(&mut self) -> Result<(), String> {
        let opening = if self.scanner.rest.starts_with("(?") {
            match self.perl_flags()? {
                Some(opening) => opening,
                None => return Ok(()),
            }
        } else {
            self.scanner.bump();
            self.names.push(String::new());
            ("(", self.flags)
        };
        let (opening, outer) = opening;
        self.stack.push(Group { opening, flags: outer, alternatives: Vec::new(), sequence: Vec::new() });
        if self.stack.len() > MAX_HEIGHT {
            return Err(error("expression nests too deeply", self.scanner.rest));
        }
        Ok(())
    }

    /// `(?P<name>`, `(?i:`, `(?i)`; the last opens no group. Go: `parsePerlFlags`.
    fn perl_flags(&mut self) -> Result<Option<(&'static str, Flags)>, String> {
        let text = self.scanner.rest;
        for start in ["(?P<", "(?<"] {
            if let Some(rest) = text.strip_prefix(start) {
                let Some((name, after)) = rest.split_once('>') else {
                    return Err(error("invalid named capture", text));
                };
                let capture = &text[..start.len() + name.len() + 1];
                if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                    return Err(error("invalid named capture", capture));
                }
                self.names.push(name.to_owned());
                self.scanner.rest = after;
                return Ok(Some(("(", self.flags)));
            }
        }
        let (mut flags, mut set, mut saw_flag) = (self.flags, true, false);
        let mut read = text.len();
        for (at, c) in text.char_indices().skip(2) {
            read = at + c.len_utf8();
            match c {
                'i' => flags.fold = set,
                'm' => flags.multi_line = set,
                's' => flags.dot_newline = set,
                'U' => flags.swap_greed = set,
                '-' if set => {
                    (set, saw_flag) = (false, false);
                    continue;
                }
                ':' | ')' if set || saw_flag => {
                    self.scanner.rest = &text[read..];
                    let outer = std::mem::replace(&mut self.flags, flags);
                    return Ok((c == ':').then_some(("(?:", outer)));
                }
                _ => break,
            }
            saw_flag = true;
        }
        Err(error("invalid or unsupported Perl syntax", &text[..read]))
    }

    fn close_group(&mut self, expression: &str) -> Result<(), String> {
        if self.stack.len() < 2 {
            return Err(error("unexpected )", expression));
        }
        let Some(group) = self.stack.pop() else { return Ok(()) };
        let (atom, flags) = close(group);
        self.flags = flags;
        if atom.height > MAX_HEIGHT {
            return Err(error("expression nests too deeply", expression));
        }
        if let Some(outer) = self.stack.last_mut() {
            outer.sequence.push(atom);
        }
        Ok(())
    }

    fn repeat(
        &mut self,
        op: &str,
        least: i64,
        most: i64,
        before: &str,
        last_repeat: Option<&str>,
    ) -> Result<(), String> {
        let lazy = self.scanner.rest.starts_with('?');
        if lazy {
            self.scanner.bump();
        }
        let after = self.scanner.rest;
        if let Some(last) = last_repeat {
            return Err(error("invalid nested repetition operator", &last[..last.len() - after.len()]));
        }
        let text = &before[..before.len() - after.len()];
        let atom = self.stack.last_mut().and_then(|group| group.sequence.pop());
        let Some(atom) = atom else {
            return Err(error("missing argument to repetition operator", text));
        };
        let counted = op.starts_with('{');
        let counts = if counted {
            vec![Count { times: if most < 0 { least } else { most }, inner: atom.counts }]
        } else {
            atom.counts
        };
        if counted && (least >= 2 || most >= 2) && !counts.iter().all(|count| fits(count, MAX_REPEAT)) {
            return Err(error("invalid repeat count", text));
        }
        let greed = if lazy == self.flags.swap_greed { "" } else { "?" };
        let text = format!("(?:{}){op}{greed}", atom.text);
        if let Some(group) = self.stack.last_mut() {
            group.sequence.push(Atom { text, counts, height: atom.height + 1 });
        }
        Ok(())
    }
}

/// Go: `repeatIsValid`.
fn fits(count: &Count, room: i64) -> bool {
    if count.times == 0 {
        return true;
    }
    count.times <= room && count.inner.iter().all(|inner| fits(inner, room / count.times))
}
