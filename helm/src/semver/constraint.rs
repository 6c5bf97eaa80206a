//! A range of versions: alternatives of conditions. Go: `constraints.go`.

use std::str::FromStr;
use std::sync::LazyLock;

use regex::Regex;

use super::operator::{Condition, Operator};
use super::{Error, Version};

/// The longest range that is read, in bytes.
const MAX_LEN: usize = 512;
/// The most alternatives between `||`.
const MAX_GROUPS: usize = 32;

/// A range of versions: `>=1.2.3, <2 || ~0.9`, `1.2 - 1.4.5`, `^1.x`, `*`.
///
/// Without a prerelease in an alternative, no prerelease is in it: `>=1.20` does not hold for `1.31.4-gke.1`, `>=1.20-0` does.
#[derive(Debug, Clone)]
pub struct Constraint {
    groups: Vec<Group>,
}

/// Conditions that must all hold.
#[derive(Debug, Clone)]
struct Group {
    conditions: Vec<Condition>,
    prereleases: bool,
}

/// The forms of a range, in the words of the Go library, whose oddities (an empty alternative among the operators, `|` in the
/// classes) decide what is accepted. Go's `\s` is these characters only.
struct Forms {
    range: Regex,
    find: Regex,
    valid: Regex,
    single: Regex,
}

static FORMS: LazyLock<Forms> = LazyLock::new(|| {
    let space = r"[\t\n\x0C\r ]";
    let version = concat!(
        r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?",
        r"(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?",
        r"(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?"
    );
    let operators = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
    let compile =
        |pattern: &str| Regex::new(pattern).expect("constant patterns, compiled by every test of this module");
    let one = format!("({operators}){space}*({version})");
    Forms {
        range: compile(&format!("{space}*({version}){space}+-{space}+({version}){space}*")),
        find: compile(&one),
        valid: compile(&format!(r"\A({space}*{one}{space}*)((?:{space}+|,{space}*){one}{space}*)*\z")),
        single: compile(&format!(r"\A{space}*{one}{space}*\z")),
    }
});

impl FromStr for Constraint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_LEN {
            return Err(Error::ConstraintTooLong);
        }
        let text = rewrite_ranges(text);
        let groups: Vec<&str> = text.split("||").collect();
        if groups.len() > MAX_GROUPS {
            return Err(Error::TooManyGroups);
        }
        Ok(Self { groups: groups.into_iter().map(parse_group).collect::<Result<_, _>>()? })
    }
}

impl Constraint {
    /// Whether the version is in the range. Go: `Check`.
    pub fn check(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            let allowed = version.prerelease.is_empty() || group.prereleases;
            allowed && group.conditions.iter().all(|condition| condition.holds(version))
        })
    }

    /// Whether the version is in the range if prereleases are let into it. Go: `Check` with `IncludePrerelease`.
    pub fn check_with_prereleases(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| group.conditions.iter().all(|condition| condition.holds(version)))
    }
}

/// `1.2 - 1.4` becomes `>= 1.2, <= 1.4 `. Go: `rewriteRange`.
fn rewrite_ranges(text: &str) -> String {
    let mut out = text.to_owned();
    for found in FORMS.range.captures_iter(text) {
        let part = |index| found.get(index).map_or("", |m| m.as_str());
        // The groups inside the first version are nine.
        out = out.replacen(part(0), &format!(">= {}, <= {} ", part(1), part(11)), 1);
    }
    out
}

fn parse_group(text: &str) -> Result<Group, Error> {
    if !FORMS.valid.is_match(text) {
        return Err(Error::Constraint(text.to_owned()));
    }
    let conditions = FORMS.find.find_iter(text).map(|m| parse_condition(m.as_str())).collect::<Result<Vec<_>, _>>()?;
    let prereleases = conditions.iter().any(|condition| !condition.version.prerelease.is_empty());
    Ok(Group { conditions, prereleases })
}

/// Go: `parseConstraint`.
fn parse_condition(text: &str) -> Result<Condition, Error> {
    let found = FORMS.single.captures(text).ok_or_else(|| Error::Constraint(text.to_owned()))?;
    let part = |index| found.get(index).map_or("", |m| m.as_str());
    let open = |text: &str| matches!(text, "" | "x" | "X" | "*" | ".x" | ".X" | ".*");
    let (major, minor, patch, prerelease) = (part(3), part(4), part(5), part(6));
    let (version, open_minor, open_patch, any) = if open(major) {
        (format!("0.0.0{prerelease}"), false, false, true)
    } else if open(minor) {
        (format!("{major}.0.0{prerelease}"), true, false, true)
    } else if open(patch) {
        (format!("{major}{minor}.0{prerelease}"), false, true, true)
    } else {
        (part(2).to_owned(), false, false, false)
    };
    let version = Version::parse(&version).map_err(|_| Error::ConstraintVersion)?;
    let operator = Operator::parse(part(1)).ok_or(Error::ConstraintVersion)?;
    Ok(Condition { operator, version, open: any, open_minor, open_patch })
}
