//! Regular expressions. Sprig: `regex.go`; Go: `regexp/regexp.go`.

mod escape;
mod syntax;

use std::rc::Rc;

use super::args::{self, Outcome};
use super::environment::{Environment, environment};
use super::signatures::{INT, STRINGS};
use super::{gofmt, gostr};
use crate::template::{Call, Function, FunctionError, Signature};
use crate::value::{List, Str, Type, Value};

use Type::{Bool, String as Text};

/// A function and its `must` twin, which differ in the text of an error only.
macro_rules! both {
    ($name:literal, $must:literal, $signature:expr, $body:expr) => {
        [
            Function::call($name, $signature, |call, args| $body(call, args, panicked)),
            Function::call($must, $signature, |call, args| $body(call, args, |_, why| why.to_owned())),
        ]
    };
}

pub(super) const FUNCTIONS: &[[Function; 2]] = &[
    both!("regexFind", "mustRegexFind", Signature::new(&[Text, Text], Text), find),
    both!("regexFindAll", "mustRegexFindAll", Signature::new(&[Text, Text, INT], STRINGS), find_all),
    both!("regexReplaceAll", "mustRegexReplaceAll", Signature::new(&[Text, Text, Text], Text), replace_all),
    both!(
        "regexReplaceAllLiteral",
        "mustRegexReplaceAllLiteral",
        Signature::new(&[Text, Text, Text], Text),
        replace_literal
    ),
    both!("regexSplit", "mustRegexSplit", Signature::new(&[Text, Text, INT], STRINGS), split),
];

pub(super) const MORE: &[Function] = &[
    Function::call("regexMatch", Signature::new(&[Text, Text], Bool), |call, args| {
        // The one function that takes a broken expression for one that does not match.
        Ok(matches(call, args).unwrap_or_else(|_| false.into()))
    }),
    Function::call("mustRegexMatch", Signature::new(&[Text, Text], Bool), |call, args| matches(call, args)),
    Function::pure("regexQuoteMeta", Signature::new(&[Text], Text), quote_meta),
];

/// How the error of a broken expression is put: the expression and why.
type Complaint = fn(&Str, &str) -> String;

/// As `regexp.MustCompile` panics.
fn panicked(expression: &Str, why: &str) -> String {
    let text = expression
        .as_str()
        .filter(|text| text.chars().all(|c| c == '\t' || c >= ' ' && !matches!(c, '`' | '\u{7f}' | '\u{feff}')));
    let quoted = text.map_or_else(|| gofmt::quote(expression.as_bytes()), |text| format!("`{text}`"));
    format!("regexp: Compile({quoted}): {why}")
}

/// An expression that has been compiled.
#[derive(Debug)]
pub(super) struct Expression {
    regex: regex::Regex,
    /// The names of the groups, "" for those without.
    names: Vec<String>,
}

/// A text for matching: what is not UTF-8 stands as U+FFFD, and places are led back to the bytes.
struct Subject<'a> {
    text: std::borrow::Cow<'a, str>,
    bytes: &'a [u8],
    /// Where the text is not the bytes: the place in the bytes of each place in the text, and of its end.
    places: Option<Vec<usize>>,
}

impl<'a> Subject<'a> {
    fn new(text: &'a Str) -> Self {
        let bytes = text.as_bytes();
        let places = text.as_str().is_none().then(|| {
            let mut places = Vec::with_capacity(bytes.len() + 1);
            let mut at = 0;
            for (c, bytes) in gostr::runes(bytes) {
                places.extend(std::iter::repeat_n(at, c.len_utf8()));
                at += bytes.len();
            }
            places.push(at);
            places
        });
        Self { text: text.to_text(), bytes, places }
    }

    /// The place in the bytes of a place in the text.
    fn place(&self, at: usize) -> usize {
        self.places.as_ref().map_or(at, |places| places.get(at).copied().unwrap_or(self.bytes.len()))
    }

    fn slice(&self, range: std::ops::Range<usize>) -> &'a [u8] {
        &self.bytes[self.place(range.start)..self.place(range.end)]
    }
}

/// Compiled expressions that one render keeps.
const KEPT: usize = 256;

fn compile(environment: &Environment, expression: &Str) -> Result<Rc<Expression>, String> {
    if let Some(known) = environment.expressions.borrow().get(expression) {
        return Ok(Rc::clone(known));
    }
    let text = expression.as_str().ok_or_else(|| syntax::error("invalid UTF-8", &expression.to_text()))?;
    let translated = syntax::translate(text)?;
    let compiled = regex::RegexBuilder::new(&translated.pattern).nest_limit(5_000).build();
    let regex = compiled.map_err(|_| syntax::error("expression too large", text))?;
    let compiled = Rc::new(Expression { regex, names: translated.names });
    let mut kept = environment.expressions.borrow_mut();
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(expression.clone(), Rc::clone(&compiled));
    Ok(compiled)
}

fn compiled(call: &dyn Call, args: &[Value], complaint: Complaint) -> Result<Rc<Expression>, FunctionError> {
    let expression = args::string(args, 0)?;
    compile(environment(call)?, expression).map_err(|why| FunctionError::from(complaint(expression, &why)))
}

fn matches(call: &dyn Call, args: &[Value]) -> Outcome {
    let expression = compiled(call, args, |_, why| why.to_owned())?;
    Ok(expression.regex.is_match(&args::string(args, 1)?.to_text()).into())
}

fn find(call: &dyn Call, args: &[Value], complaint: Complaint) -> Outcome {
    let expression = compiled(call, args, complaint)?;
    let subject = Subject::new(args::string(args, 1)?);
    let found = expression.regex.find(&subject.text).map_or(&[][..], |m| subject.slice(m.range()));
    Ok(Value::String(Str::of(found)))
}

/// At most `most` matches; all if that is negative.
fn ranges(expression: &Expression, subject: &Subject<'_>, most: i64) -> Vec<std::ops::Range<usize>> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    expression.regex.find_iter(&subject.text).take(most).map(|m| m.range()).collect()
}

fn strings(parts: &[&[u8]]) -> Value {
    if parts.is_empty() {
        return Value::List(List::nil(STRINGS));
    }
    Value::strings(parts.iter().map(|part| part.to_vec()))
}

fn find_all(call: &dyn Call, args: &[Value], complaint: Complaint) -> Outcome {
    let expression = compiled(call, args, complaint)?;
    let subject = Subject::new(args::string(args, 1)?);
    let found = ranges(&expression, &subject, args::int(args, 2)?);
    Ok(strings(&found.into_iter().map(|range| subject.slice(range)).collect::<Vec<_>>()))
}

/// Go: `Regexp.Split`.
fn split(call: &dyn Call, args: &[Value], complaint: Complaint) -> Outcome {
    let expression = compiled(call, args, complaint)?;
    let (text, most) = (args::string(args, 1)?, args::int(args, 2)?);
    if most == 0 {
        return Ok(strings(&[]));
    }
    if text.is_empty() && !args::string(args, 0)?.is_empty() {
        return Ok(Value::strings([""]));
    }
    let subject = Subject::new(text);
    let (mut parts, mut begin, mut end) = (Vec::new(), 0, 0);
    for range in ranges(&expression, &subject, most) {
        if i64::try_from(parts.len()).is_ok_and(|count| most > 0 && count == most - 1) {
            break;
        }
        end = range.start;
        if range.end != 0 {
            parts.push(subject.slice(begin..end));
        }
        begin = range.end;
    }
    if end != subject.text.len() {
        parts.push(subject.slice(begin..subject.text.len()));
    }
    Ok(strings(&parts))
}

fn replace_all(call: &mut dyn Call, args: &[Value], complaint: Complaint) -> Outcome {
    let template = args::string(args, 2)?;
    replaced(call, args, complaint, |names| pieces(template.as_bytes(), names))
}

fn replace_literal(call: &mut dyn Call, args: &[Value], complaint: Complaint) -> Outcome {
    let by = args::string(args, 2)?;
    replaced(call, args, complaint, |_| vec![Piece::Text(by.as_bytes())])
}

/// Part of what stands in for a match.
enum Piece<'t> {
    Text(&'t [u8]),
    /// The first of these groups that matched.
    Groups(Vec<usize>),
}

/// What a replacement is counted at once, in bytes and pieces.
const COUNTED_AT_ONCE: usize = 64 << 10;

fn replaced<'t>(
    call: &mut dyn Call,
    args: &[Value],
    complaint: Complaint,
    pieces: impl FnOnce(&[String]) -> Vec<Piece<'t>>,
) -> Outcome {
    let expression = compiled(call, args, complaint)?;
    let subject = Subject::new(args::string(args, 1)?);
    let pieces = pieces(&expression.names);
    let (mut out, mut done, mut counted, mut put) = (Vec::new(), 0, 0, 0);
    for groups in expression.regex.captures_iter(&subject.text) {
        let Some(whole) = groups.get(0) else { continue };
        out.extend_from_slice(subject.slice(done..whole.start()));
        for piece in &pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Groups(numbers) => {
                    let group = numbers.iter().find_map(|number| groups.get(*number));
                    out.extend_from_slice(group.map_or(&[][..], |m| subject.slice(m.range())));
                }
            }
        }
        done = whole.end();
        // Groups that match nothing cost time and make no bytes.
        put += pieces.len();
        if out.len() + put > counted + COUNTED_AT_ONCE {
            call.reserve(out.len() + put - counted)?;
            counted = out.len() + put;
        }
    }
    out.extend_from_slice(subject.slice(done..subject.text.len()));
    Ok(Value::String(Str::from_bytes(out)))
}

/// A replacement with `$1`, `${1}`, `$name`; the longest possible name counts. Go: `Regexp.expand`.
fn pieces<'t>(mut template: &'t [u8], names: &[String]) -> Vec<Piece<'t>> {
    let mut pieces = Vec::new();
    while let Some(at) = template.iter().position(|b| *b == b'$') {
        pieces.push(Piece::Text(&template[..at]));
        template = &template[at + 1..];
        if let Some(rest) = template.strip_prefix(b"$") {
            pieces.push(Piece::Text(b"$"));
            template = rest;
            continue;
        }
        let Some((name, rest)) = group_name(template) else {
            pieces.push(Piece::Text(b"$"));
            continue;
        };
        template = rest;
        pieces.push(Piece::Groups(match group_number(name) {
            Some(number) => vec![number],
            None => (0..names.len()).filter(|n| names[*n].as_bytes() == name).collect(),
        }));
    }
    pieces.push(Piece::Text(template));
    pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
    pieces
}

fn group_name(template: &[u8]) -> Option<(&[u8], &[u8])> {
    let (braced, text) = template.strip_prefix(b"{").map_or((false, template), |text| (true, text));
    let belongs = |c: char| c == '_' || gostr::is_letter(c) || gostr::is_digit(c);
    let length = gostr::runes(text).take_while(|(c, _)| belongs(*c)).map(|(_, bytes)| bytes.len()).sum();
    let (name, rest) = text.split_at(length);
    if name.is_empty() {
        return None;
    }
    Some((name, if braced { rest.strip_prefix(b"}")? } else { rest }))
}

fn group_number(name: &[u8]) -> Option<usize> {
    if name.len() > 1 && name[0] == b'0' || name.len() > 9 {
        return None;
    }
    std::str::from_utf8(name).ok().filter(|name| name.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

/// Go: `regexp.QuoteMeta`.
fn quote_meta(args: &[Value]) -> Outcome {
    let text = args::string(args, 0)?;
    let mut out = Vec::with_capacity(text.len());
    for byte in text.as_bytes() {
        if br"\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    Ok(Value::String(Str::from_bytes(out)))
}
