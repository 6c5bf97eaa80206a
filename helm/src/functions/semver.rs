//! The functions on versions, and a version as a value with methods. Sprig: `semver.go`; Go: Masterminds/semver.

use super::args::{self, Outcome};
use super::signatures::INT;
use crate::semver::{Constraint, Version, check_metadata, check_prerelease};
use crate::template::{Function, FunctionError, Signature};
use crate::value::{Object, Type, UintKind, Value};

use Type::{Bool, String as Text};

const VERSION: Type = Type::Struct("semver.Version");
const POINTER: Type = Type::Pointer(&VERSION);
const UINT64: Type = Type::Uint(UintKind::Uint64);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::pure("semver", Signature::new(&[Text], POINTER), semver),
    Function::pure("semverCompare", Signature::new(&[Text, Text], Bool), semver_compare),
];

fn version(args: &[Value], index: usize) -> Result<Version, FunctionError> {
    Version::parse(&args::string(args, index)?.to_text()).map_err(|e| e.to_string().into())
}

fn semver(args: &[Value]) -> Outcome {
    Ok(Value::object(VersionObject { version: version(args, 0)?, pointer: true }))
}

fn semver_compare(args: &[Value]) -> Outcome {
    let constraint: Constraint =
        args::string(args, 0)?.to_text().parse().map_err(|e: crate::semver::Error| e.to_string())?;
    Ok(constraint.check(&version(args, 1)?).into())
}

/// `*semver.Version`, or `semver.Version` as `IncPatch` gives it, on which some methods are missing.
#[derive(Debug)]
pub(super) struct VersionObject {
    version: Version,
    pointer: bool,
}

impl VersionObject {
    /// What a deep copy makes of a version: all its fields are unexported and lost.
    pub(super) fn zero() -> Self {
        Self { version: Version::default(), pointer: true }
    }

    fn value(version: Version) -> Value {
        Value::object(Self { version: version.renamed(), pointer: false })
    }

    fn incremented(&self, part: &str) -> Outcome {
        let mut next = self.version.clone();
        next.metadata.clear();
        let prerelease = std::mem::take(&mut next.prerelease);
        let overflow = || FunctionError::from(format!("{part} version increment would overflow uint64"));
        let plus_one = |n: u64| n.checked_add(1).ok_or_else(overflow);
        match part {
            "patch" if !prerelease.is_empty() => {}
            "patch" => next.patch = plus_one(next.patch)?,
            "minor" => (next.minor, next.patch) = (plus_one(next.minor)?, 0),
            _ => (next.major, next.minor, next.patch) = (plus_one(next.major)?, 0, 0),
        }
        Ok(Self::value(next))
    }
}

fn other(args: &[Value]) -> Result<&Version, FunctionError> {
    let found = if let Value::Object(object) = args::any(args, 0) { object.downcast::<VersionObject>() } else { None };
    found.map(|object| &object.version).ok_or_else(|| FunctionError::from(args::NIL_DEREFERENCE))
}

impl Object for VersionObject {
    fn type_of(&self) -> Type {
        if self.pointer { POINTER } else { VERSION }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let number = |n| Value::Uint(UintKind::Uint64, n);
        vec![
            ("major", number(self.version.major)),
            ("minor", number(self.version.minor)),
            ("patch", number(self.version.patch)),
            ("pre", Value::from(self.version.prerelease.as_str())),
            ("metadata", Value::from(self.version.metadata.as_str())),
            ("original", Value::from(self.version.original.as_str())),
        ]
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<Signature> {
        Some(match name {
            "Major" | "Minor" | "Patch" => Signature::new(&[], UINT64),
            "Prerelease" | "Metadata" | "String" => Signature::new(&[], Text),
            "IncPatch" | "IncMinor" | "IncMajor" => Signature::new(&[], VERSION),
            "SetPrerelease" | "SetMetadata" => Signature::new(&[Text], VERSION),
            "MarshalJSON" | "MarshalText" => Signature::new(&[], Type::BYTES),
            "Value" => Signature::new(&[], Type::Any),
            _ if !self.pointer => return None,
            "Original" => Signature::new(&[], Text),
            "Compare" => Signature::new(&[POINTER], INT),
            "Equal" | "LessThan" | "LessThanEqual" | "GreaterThan" | "GreaterThanEqual" => {
                Signature::new(&[POINTER], Bool)
            }
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Outcome {
        let v = &self.version;
        let number = |n| Ok(Value::Uint(UintKind::Uint64, n));
        let ordered =
            |test: fn(std::cmp::Ordering) -> bool| Ok::<Value, FunctionError>(test(v.precedence(other(args)?)).into());
        match name {
            "Major" => number(v.major),
            "Minor" => number(v.minor),
            "Patch" => number(v.patch),
            "Prerelease" => Ok(Value::from(v.prerelease.as_str())),
            "Metadata" => Ok(Value::from(v.metadata.as_str())),
            "Original" => Ok(Value::from(v.original.as_str())),
            "String" | "Value" => Ok(Value::from(v.to_string())),
            "MarshalText" => Ok(Value::bytes(v.to_string().as_bytes())),
            "MarshalJSON" => Ok(Value::bytes(format!("\"{v}\"").as_bytes())),
            "IncPatch" => self.incremented("patch"),
            "IncMinor" => self.incremented("minor"),
            "IncMajor" => self.incremented("major"),
            "SetPrerelease" => {
                let prerelease = args::string(args, 0)?.to_text().into_owned();
                check_prerelease(&prerelease).map_err(|e| e.to_string())?;
                Ok(Self::value(Version { prerelease, ..v.clone() }))
            }
            "SetMetadata" => {
                let metadata = args::string(args, 0)?.to_text().into_owned();
                check_metadata(&metadata).map_err(|e| e.to_string())?;
                Ok(Self::value(Version { metadata, ..v.clone() }))
            }
            "Compare" => Ok(Value::int(v.precedence(other(args)?) as i64)),
            "LessThan" => ordered(std::cmp::Ordering::is_lt),
            "LessThanEqual" => ordered(std::cmp::Ordering::is_le),
            "GreaterThan" => ordered(std::cmp::Ordering::is_gt),
            "GreaterThanEqual" => ordered(std::cmp::Ordering::is_ge),
            "Equal" if args::any(args, 0).is_nil() => Ok(false.into()),
            "Equal" => ordered(std::cmp::Ordering::is_eq),
            _ => Err(format!("no method {name} in {}", self.type_of()).into()),
        }
    }

    fn to_text(&self) -> Option<String> {
        Some(self.version.to_string())
    }

    fn to_json(&self) -> Value {
        Value::from(self.version.to_string())
    }
}
