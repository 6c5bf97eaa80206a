//! Whether labels match a selector, by the rules of `k8s.io/apimachinery` (`LabelSelectorAsSelector`).

use fleet_api::v1alpha1::{LabelSelector, LabelSelectorRequirement};
use std::collections::BTreeMap;

/// A selector that cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The operator is none of the four.
    #[error("`{0}` is not a valid label selector operator: In, NotIn, Exists or DoesNotExist is expected")]
    Operator(String),
    /// `In` or `NotIn` without values.
    #[error("key `{0}`: for In and NotIn, values must not be empty")]
    NoValues(String),
    /// `Exists` or `DoesNotExist` with values.
    #[error("key `{0}`: for Exists and DoesNotExist, values must be empty")]
    Values(String),
    /// A key that no label can have.
    #[error("`{0}` is not a valid label key")]
    Key(String),
    /// A value that no label can have.
    #[error("`{value}` is not a valid label value of key `{key}`")]
    Value {
        /// The label.
        key: String,
        /// The value.
        value: String,
    },
}

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// Checks a selector without any labels.
///
/// # Errors
/// The first thing that the API server would refuse.
pub fn validate(selector: &LabelSelector) -> Result<(), Error> {
    for (key, value) in &selector.match_labels {
        check_key(key)?;
        check_value(key, value)?;
    }
    selector.match_expressions.iter().try_for_each(validate_requirement)
}

fn validate_requirement(requirement: &LabelSelectorRequirement) -> Result<(), Error> {
    let LabelSelectorRequirement { key, operator, values } = requirement;
    match operator.as_str() {
        "In" | "NotIn" if values.is_empty() => return Err(Error::NoValues(key.clone())),
        "Exists" | "DoesNotExist" if !values.is_empty() => return Err(Error::Values(key.clone())),
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => return Err(Error::Operator(other.to_owned())),
    }
    check_key(key)?;
    values.iter().try_for_each(|value| check_value(key, value))
}

/// Whether all parts of a valid `selector` hold. Call [`validate`] first: of an invalid part nothing holds.
pub fn matches(selector: &LabelSelector, labels: &Labels) -> bool {
    selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        && selector.match_expressions.iter().all(|requirement| requirement_holds(requirement, labels))
}

fn requirement_holds(requirement: &LabelSelectorRequirement, labels: &Labels) -> bool {
    let LabelSelectorRequirement { key, operator, values } = requirement;
    let value = labels.get(key);
    match operator.as_str() {
        "In" => value.is_some_and(|value| values.contains(value)),
        // As in Kubernetes, a label that is not there is not in any set.
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

/// The first part of `selector` that does not hold, in words; `None` where it matches.
pub fn mismatch(selector: &LabelSelector, labels: &Labels) -> Option<String> {
    let has = |key: &str| labels.get(key).map_or_else(|| "is not set".to_owned(), |value| format!("is `{value}`"));
    for (key, value) in &selector.match_labels {
        if labels.get(key) != Some(value) {
            return Some(format!("label `{key}` {}, not `{value}`", has(key)));
        }
    }
    let failed = selector.match_expressions.iter().find(|requirement| !requirement_holds(requirement, labels))?;
    let wanted = match failed.operator.as_str() {
        "In" | "NotIn" => format!("{} ({})", failed.operator, failed.values.join(", ")),
        other => other.to_owned(),
    };
    Some(format!("label `{}` {}, wanted: {wanted}", failed.key, has(&failed.key)))
}

/// `[prefix/]name`: a DNS subdomain, and at most 63 of letters, digits, `-`, `_`, `.` between letters or digits.
fn check_key(key: &str) -> Result<(), Error> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let good = prefix.is_none_or(fleet_api::names::is_dns_subdomain) && !name.is_empty() && is_label_text(name);
    if good { Ok(()) } else { Err(Error::Key(key.to_owned())) }
}

fn check_value(key: &str, value: &str) -> Result<(), Error> {
    if value.is_empty() || is_label_text(value) {
        Ok(())
    } else {
        Err(Error::Value { key: key.to_owned(), value: value.to_owned() })
    }
}

fn is_label_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.len() <= 63
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn expression(key: &str, operator: &str, values: &[&str]) -> LabelSelector {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let requirement = LabelSelectorRequirement { key: key.into(), operator: operator.into(), values };
        LabelSelector { match_expressions: vec![requirement], ..LabelSelector::default() }
    }

    #[test]
    fn expressions_hold_as_in_kubernetes() {
        let shop = labels(&[("env", "prod"), ("tier", "")]);
        let table = [
            (expression("env", "In", &["prod", "dev"]), true),
            (expression("env", "In", &["dev"]), false),
            (expression("region", "In", &["eu"]), false),
            (expression("env", "NotIn", &["prod"]), false),
            (expression("region", "NotIn", &["eu"]), true),
            (expression("tier", "Exists", &[]), true),
            (expression("region", "DoesNotExist", &[]), true),
            (expression("env", "DoesNotExist", &[]), false),
            (LabelSelector::default(), true),
        ];
        for (selector, expected) in table {
            assert_eq!(validate(&selector), Ok(()), "{selector:?}");
            assert_eq!(matches(&selector, &shop), expected, "{selector:?}");
            assert_eq!(mismatch(&selector, &shop).is_none(), expected, "{selector:?}");
        }
    }

    #[test]
    fn what_kubernetes_refuses_is_an_error() {
        assert_eq!(validate(&expression("a", "in", &["x"])), Err(Error::Operator("in".into())));
        assert_eq!(validate(&expression("a", "In", &[])), Err(Error::NoValues("a".into())));
        assert_eq!(validate(&expression("a", "Exists", &["x"])), Err(Error::Values("a".into())));
        assert_eq!(validate(&expression("a b", "Exists", &[])), Err(Error::Key("a b".into())));
        assert!(matches!(validate(&expression("a", "In", &["x y"])), Err(Error::Value { .. })));
        let labels = LabelSelector { match_labels: labels(&[("", "x")]), ..LabelSelector::default() };
        assert_eq!(validate(&labels), Err(Error::Key(String::new())));
    }
}
