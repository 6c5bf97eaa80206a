//! Names with the Kubernetes rule inside, and Fleet's functions that make names.
//!
//! Source of the functions: `internal/names` of rancher/fleet (reference §2.2); the vectors of its tests stand below.

use crate::key::order;
use md5::Digest as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

/// A text that breaks the rule of a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {rule}")]
pub struct NameError {
    text: String,
    what: &'static str,
    rule: &'static str,
}

/// RFC 1123 label: at most 63 of `[a-z0-9-]`, beginning and ending with a letter or digit.
pub fn is_dns_label(text: &str) -> bool {
    !text.is_empty() && text.len() <= 63 && is_dashed(text)
}

/// RFC 1123 subdomain: labels joined by dots, at most 253 bytes. As Kubernetes checks it, a label in it may be longer than 63.
pub fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|label| !label.is_empty() && is_dashed(label))
}

fn is_dashed(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.iter().all(|&byte| alphanumeric(byte) || byte == b'-')
        && bytes.first().copied().is_some_and(alphanumeric)
        && bytes.last().copied().is_some_and(alphanumeric)
}

macro_rules! name_type {
    ($(#[doc = $doc:literal])+ $name:ident, $what:literal, $check:path, $rule:literal) => {
        $(#[doc = $doc])+
        ///
        /// It is shared: copies cost nothing, and are equal at once.
        #[derive(Clone, JsonSchema)]
        #[schemars(with = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                if $check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NameError { text: text.chars().take(80).collect(), what: $what, rule: $rule })
                }
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other) == Ordering::Equal
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                if Arc::ptr_eq(&self.0, &other.0) {
                    return Ordering::Equal;
                }
                order(&self.0, &other.0)
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.hash(state);
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name_type! {
    /// A namespace.
    Namespace, "a namespace", is_dns_label,
    "at most 63 of a-z, 0-9 and `-` are allowed, with a letter or digit at both ends"
}
name_type! {
    /// The name of a GitRepo, Bundle, Cluster, ClusterGroup or other object of ours.
    ObjectName, "a name", is_dns_subdomain,
    "at most 253 of a-z, 0-9, `-` and `.` are allowed, with a letter or digit at both ends of each part"
}
name_type! {
    /// The UID of a cluster, given by the hub. Compared whole, never by prefix (reliability C01).
    ClusterUid, "a cluster UID", is_dns_label,
    "at most 63 of a-z, 0-9 and `-` are allowed"
}

/// The namespace and name of an object of ours at the hub: `fleet-default/shop-web`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String")]
pub struct Ref {
    /// The namespace.
    pub namespace: Namespace,
    /// The name.
    pub name: ObjectName,
}

impl Ref {
    /// Both parts, each checked.
    ///
    /// # Errors
    /// Where one of them breaks its rule.
    pub fn new(namespace: &str, name: &str) -> Result<Self, NameError> {
        Ok(Self { namespace: namespace.parse()?, name: name.parse()? })
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl FromStr for Ref {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (namespace, name) = text.split_once('/').ok_or_else(|| NameError {
            text: text.chars().take(80).collect(),
            what: "a reference",
            rule: "`namespace/name` is expected",
        })?;
        Self::new(namespace, name)
    }
}

/// A text, so that it can be the key of a JSON map.
impl Serialize for Ref {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ref {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Helm's limit for the name of a release.
pub const RELEASE_NAME_LIMIT: usize = 53;

/// The name of a bundle that a repository's directory gets: [`helm_release_name`] of `gitrepo/path[/options]`.
/// `path` is as the glob gave it; `.` is the root.
pub fn bundle_name(gitrepo: &str, path: &str) -> String {
    let joined = match path.trim_matches('/') {
        "" | "." => gitrepo.to_owned(),
        path => format!("{gitrepo}/{path}"),
    };
    helm_release_name(&joined)
}

/// Fleet's `HelmReleaseName`: any text becomes a name that Helm and DNS accept, distinct for distinct texts.
pub fn helm_release_name(text: &str) -> String {
    let slashes_replaced = text.replace('/', "-");
    let mut name = slashes_replaced.clone();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !slashes_replaced.chars().all(plain) {
        name = format!("{name}-{}", &md5_hex(&slashes_replaced)[..8]);
    }
    name = name.to_lowercase();
    let mut cleaned = String::with_capacity(name.len());
    for c in name.chars() {
        let c = if plain(c) { c } else { '-' };
        if !(c == '-' && cleaned.ends_with('-')) {
            cleaned.push(c);
        }
    }
    let cleaned = cleaned.trim_matches('-');
    if !cleaned.is_empty() && is_dashed(cleaned) {
        limit(cleaned, RELEASE_NAME_LIMIT)
    } else {
        md5_hex(text)[..24].to_owned()
    }
}

/// Fleet's `Limit`: a longer text is cut and gets `-` and five hex digits of its MD5. `text` is ASCII where Fleet
/// calls it; other text is cut at a character.
pub fn limit(text: &str, length: usize) -> String {
    if text.len() <= length {
        return text.to_owned();
    }
    if length <= 6 {
        return cut(text, length).to_owned();
    }
    let kept = cut(text, length - 6);
    let dash = if kept.ends_with('-') { "" } else { "-" };
    format!("{kept}{dash}{}", &md5_hex(text)[..5])
}

fn cut(text: &str, length: usize) -> &str {
    &text[..text.floor_char_boundary(length)]
}

fn md5_hex(text: &str) -> String {
    hex::encode(md5::Md5::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_names_are_fleets() {
        let long = "1234567890".repeat(5) + "123a";
        let table = [
            (long.as_str(), "12345678901234567890123456789012345678901234567-fdba4"),
            ("long-name-test-0.App_ ", "long-name-test-0-app-5bf6b3fb"),
            ("long-name-test--App_-_12.factor", "long-name-test-app-12-factor-0efbac37"),
            ("bundle.name.example.com", "bundle-name-example-com-645ef821"),
            ("myrepo/single-cluster/helm", "myrepo-single-cluster-helm"),
            ("a//b", "a-b"),
        ];
        for (text, expected) in table {
            assert_eq!(helm_release_name(text), expected, "{text}");
        }
        assert_eq!(helm_release_name("é").len(), "-1234567".len());
        assert_eq!(bundle_name("myrepo", "."), "myrepo");
    }

    #[test]
    fn limit_is_fleets() {
        for (text, length, expected) in
            [("12345678", 7, "1-25d55"), ("123456789", 8, "12-25f9e"), ("1-3456789", 8, "1-9b657"), ("abc", 3, "abc")]
        {
            assert_eq!(limit(text, length), expected);
        }
    }

    #[test]
    fn names_hold_the_rule_of_kubernetes() {
        for good in ["a", "a-b", "a1", "fleet-default"] {
            assert!(good.parse::<Namespace>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "a/b", "é", &"a".repeat(64)] {
            assert!(bad.parse::<Namespace>().is_err(), "{bad}");
        }
        assert!("a.b".parse::<ObjectName>().is_ok());
        assert!("a..b".parse::<ObjectName>().is_err());
        let reference: Ref = "fleet-default/web".parse().unwrap();
        assert_eq!(reference.to_string(), "fleet-default/web");
        assert!("web".parse::<Ref>().is_err());
        assert!("a/b/c".parse::<Ref>().is_err());
    }
}
