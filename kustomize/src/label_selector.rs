//! `labelSelector` and `annotationSelector`: `app=x,tier in (a, b),!old`.
//!
//! kustomize: kyaml/yaml/internal/k8sgen/pkg/labels/selector.go, which is that of Kubernetes.

use std::collections::BTreeSet;

use crate::Error;

/// Requirements that all must hold; none hold always.
#[derive(Clone, Debug, Default)]
pub(crate) struct LabelSelector {
    requirements: Vec<(String, Requirement)>,
}

#[derive(Clone, Debug)]
enum Requirement {
    Exists,
    Missing,
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Above(i64),
    Below(i64),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    End,
    Symbol(&'static str),
    Word(String),
}

const SYMBOLS: [&str; 9] = ["!=", "==", "=", "!", "(", ")", ",", ">", "<"];

fn found(token: Option<&Token>, expected: &str) -> Error {
    let text = match token {
        Some(Token::Symbol(symbol)) => symbol,
        Some(Token::Word(word)) => word.as_str(),
        Some(Token::End) | None => "",
    };
    Error::new(format!("found '{text}', expected: {expected}"))
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t', '\r', '\n']);
    while !rest.is_empty() {
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            tokens.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
        } else {
            let end = rest.find(['=', '!', '(', ')', ',', '>', '<', ' ', '\t', '\r', '\n']).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }
    tokens.push(Token::End);
    tokens
}

struct Parser {
    tokens: std::vec::IntoIter<Token>,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.as_slice().first().unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token {
        self.tokens.next().unwrap_or(Token::End)
    }

    fn requirement(&mut self) -> Result<(String, Requirement), Error> {
        let mut first = self.next();
        let negated = first == Token::Symbol("!");
        if negated {
            first = self.next();
        }
        let Token::Word(key) = first else { return Err(found(Some(&first), "identifier")) };
        check_key(&key)?;
        if matches!(self.peek(), Token::End | Token::Symbol(",")) {
            return Ok((key, if negated { Requirement::Missing } else { Requirement::Exists }));
        }
        if negated {
            return Ok((key, Requirement::Missing));
        }
        let requirement = match self.next() {
            Token::Word(word) if word == "in" => Requirement::In(self.list(&key)?),
            Token::Word(word) if word == "notin" => Requirement::NotIn(self.list(&key)?),
            Token::Symbol("=" | "==") => Requirement::In(self.one(&key)?),
            Token::Symbol("!=") => Requirement::NotIn(self.one(&key)?),
            Token::Symbol(">") => Requirement::Above(self.number(&key)?),
            Token::Symbol("<") => Requirement::Below(self.number(&key)?),
            other => return Err(found(Some(&other), "'=', '!=', '==', 'in', notin'")),
        };
        Ok((key, requirement))
    }

    fn one(&mut self, key: &str) -> Result<BTreeSet<String>, Error> {
        if matches!(self.peek(), Token::End | Token::Symbol(",")) {
            return Ok(BTreeSet::from([String::new()]));
        }
        match self.next() {
            Token::Word(word) => checked(key, [word].into()),
            other => Err(found(Some(&other), "identifier")),
        }
    }

    fn number(&mut self, key: &str) -> Result<i64, Error> {
        let values = self.one(key)?;
        let number = values.first().and_then(|text| text.parse().ok());
        number.ok_or_else(|| Error::new("for 'Gt', 'Lt' operators, the value must be an integer"))
    }

    fn list(&mut self, key: &str) -> Result<BTreeSet<String>, Error> {
        let open = self.next();
        if open != Token::Symbol("(") {
            return Err(found(Some(&open), "'('"));
        }
        let mut values = BTreeSet::new();
        let mut word_before = false;
        loop {
            match self.next() {
                Token::Word(word) if !word_before => {
                    values.insert(word);
                    word_before = true;
                }
                Token::Symbol(",") => {
                    if !word_before {
                        values.insert(String::new());
                    }
                    word_before = false;
                }
                Token::Symbol(")") => {
                    if !word_before {
                        values.insert(String::new());
                    }
                    return checked(key, values);
                }
                other => return Err(found(Some(&other), "',' or ')'")),
            }
        }
    }
}

impl LabelSelector {
    /// Reads a selector; the empty one selects all.
    ///
    /// # Errors
    /// It is malformed.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |error: Error| error.context(format!("unable to parse the selector {text:?}"));
        let mut parser = Parser { tokens: tokens(text).into_iter() };
        let mut requirements = Vec::new();
        loop {
            match parser.peek() {
                Token::End => return Ok(Self { requirements }),
                Token::Word(_) | Token::Symbol("!") => {}
                other @ Token::Symbol(_) => {
                    return Err(refuse(found(Some(other), "!, identifier, or 'end of string'")));
                }
            }
            requirements.push(parser.requirement().map_err(refuse)?);
            match parser.next() {
                Token::End => return Ok(Self { requirements }),
                Token::Symbol(",") if matches!(parser.peek(), Token::Word(_) | Token::Symbol("!")) => {}
                Token::Symbol(",") => return Err(refuse(found(Some(parser.peek()), "identifier after ','"))),
                other => return Err(refuse(found(Some(&other), "',' or 'end of string'"))),
            }
        }
    }

    /// Whether what `get` says of a key fulfils all requirements.
    pub(crate) fn matches<'a>(&self, get: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|(key, requirement)| {
            let value = get(key);
            let number = || value.and_then(|text| text.parse::<i64>().ok());
            match requirement {
                Requirement::Exists => value.is_some(),
                Requirement::Missing => value.is_none(),
                Requirement::In(values) => value.is_some_and(|value| values.contains(value)),
                Requirement::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                Requirement::Above(limit) => number().is_some_and(|number| number > *limit),
                Requirement::Below(limit) => number().is_some_and(|number| number < *limit),
            }
        })
    }
}

fn checked(key: &str, values: BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
    match values.iter().find(|value| !value.is_empty() && !is_name(value)) {
        Some(value) => Err(Error::new(format!("invalid label value {value:?} of the key {key:?}"))),
        None => Ok(values),
    }
}

fn check_key(key: &str) -> Result<(), Error> {
    let valid = match key.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_name(name),
        None => is_name(key),
    };
    if valid { Ok(()) } else { Err(Error::new(format!("invalid label key {key:?}"))) }
}

/// At most 63 letters, digits, `-`, `_` and `.`, the first and the last a letter or digit.
fn is_name(text: &str) -> bool {
    let alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text.len() <= 63
        && alphanumeric(text.as_bytes().first())
        && alphanumeric(text.as_bytes().last())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_subdomain(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_select() {
        let labels = |key: &str| match key {
            "app" => Some("x"),
            "n" => Some("5"),
            "empty" => Some(""),
            _ => None,
        };
        for (text, expected) in [
            ("", true),
            ("app=x", true),
            ("app == x , n", true),
            ("app!=x", false),
            ("none!=x", true),
            ("!none", true),
            ("!app", false),
            ("app in (y, x)", true),
            ("app notin (y,x)", false),
            ("empty in ()", true),
            ("empty=", true),
            ("empty in (,a)", true),
            ("n>4,n<6", true),
            ("app>1", false),
            ("in in (in)", false),
        ] {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(labels), expected, "{text}");
        }
    }

    #[test]
    fn malformed_selectors_are_refused() {
        for text in ["=x", "app=x,", "app x", "app in x", "app in (x", "app in (x y)", "a/b/c=x", "app=x/y", "n>a", "!"]
        {
            assert!(LabelSelector::parse(text).is_err(), "{text}");
        }
    }
}
