//! The built-in kinds, read once from `data/kinds.txt`.
//!
//! Used by the resource table and by every [`Type::Named`]. The file is part of the crate, so a line that does not
//! parse is skipped rather than reported; a unit test holds that none is.

use super::{Field, GoField, ListKind, ListType, MapType, Scalar, StructType, Type};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

static TEXT: &str = include_str!("../../data/kinds.txt");

/// One resource of a group version as the discovery documents list it.
#[derive(Debug, Clone)]
pub(crate) struct BuiltinResource {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) namespaced: bool,
    pub(crate) short_names: Vec<&'static str>,
    pub(crate) categories: Vec<&'static str>,
    pub(crate) verbs: Vec<&'static str>,
    pub(crate) ty: Option<&'static str>,
    pub(crate) storage_hash: &'static str,
    pub(crate) subresources: Vec<BuiltinSubresource>,
}

#[derive(Debug, Clone)]
pub(crate) struct BuiltinSubresource {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) verbs: Vec<&'static str>,
}

pub(crate) struct Builtin {
    pub(crate) resources: Vec<BuiltinResource>,
    structs: HashMap<&'static str, StructType>,
}

static BUILTIN: LazyLock<Builtin> = LazyLock::new(|| parse(TEXT));

pub(crate) fn builtin() -> &'static Builtin {
    &BUILTIN
}

/// The struct of that short name (`core.v1.Container`).
pub(crate) fn strukt(name: &str) -> Option<&'static StructType> {
    BUILTIN.structs.get(name)
}

/// `ObjectMeta`, which custom resources share.
pub(crate) fn object_meta() -> Type {
    Type::Named("meta.v1.ObjectMeta", false)
}

fn dash(s: &'static str) -> &'static str {
    if s == "-" { "" } else { s }
}

fn list(s: &'static str) -> Vec<&'static str> {
    dash(s).split(',').filter(|p| !p.is_empty()).collect()
}

fn parse(text: &'static str) -> Builtin {
    let mut out = Builtin { resources: Vec::new(), structs: HashMap::new() };
    let (mut group, mut version) = ("", "");
    let mut current: Option<(&'static str, StructType)> = None;
    for line in text.lines() {
        if let Some(field) = line.strip_prefix(' ') {
            if let (Some((_, s)), Some((name, field))) = (current.as_mut(), parse_field(field)) {
                s.fields.insert(name.to_owned(), field);
            }
            continue;
        }
        let words: Vec<&'static str> = line.split(' ').collect();
        match words.as_slice() {
            ["G", g, v] => (group, version) = (dash(g), v),
            ["R", rest @ ..] => out.resources.extend(parse_resource(group, version, rest)),
            ["S", rest @ ..] => parse_subresource(&mut out.resources, rest),
            ["T", name, rest @ ..] => {
                out.structs.extend(current.take());
                let atomic = rest.first() == Some(&"atomic");
                current = Some((name, StructType { fields: BTreeMap::new(), atomic, extra: None }));
            }
            _ => {}
        }
    }
    out.structs.extend(current);
    out
}

fn parse_resource(group: &'static str, version: &'static str, words: &[&'static str]) -> Option<BuiltinResource> {
    let [plural, singular, kind, scope, short, categories, verbs, ty, hash] = words else { return None };
    Some(BuiltinResource {
        group,
        version,
        plural,
        singular,
        kind,
        namespaced: *scope == "N",
        short_names: list(short),
        categories: list(categories),
        verbs: list(verbs),
        ty: Some(*ty).filter(|t| *t != "-"),
        storage_hash: dash(hash),
        subresources: Vec::new(),
    })
}

fn parse_subresource(resources: &mut [BuiltinResource], words: &[&'static str]) {
    let [path, kind, group, version, verbs] = words else { return };
    let Some((plural, name)) = path.split_once('/') else { return };
    if let Some(r) = resources.iter_mut().rev().find(|r| r.plural == plural) {
        let sub = BuiltinSubresource { name, kind, group: dash(group), version, verbs: list(verbs) };
        r.subresources.push(sub);
    }
}

fn parse_field(line: &'static str) -> Option<(&'static str, Field)> {
    let (name, rest) = line.split_once(' ')?;
    let (flags, rest) = rest.split_once(' ')?;
    let (ty, default) = match rest.split_once(" =") {
        Some((ty, default)) => (ty, serde_json::from_str(default).ok()),
        None => (rest, None),
    };
    let go = GoField { pointer: flags.contains('p'), omitempty: flags.contains('o'), omitzero: flags.contains('z') };
    Some((name, Field { ty: parse_type(ty)?, required: flags.contains('r'), default, nullable: true, go: Some(go) }))
}

fn parse_type(s: &'static str) -> Option<Type> {
    if let Some(rest) = s.strip_prefix('[') {
        let (head, elem) = rest.split_once(']')?;
        let mut kind = ListKind::Atomic;
        let mut patch_key = None;
        for (i, word) in head.split(' ').enumerate() {
            match word {
                "s" if i == 0 => kind = ListKind::Set,
                "a" | "m" if i == 0 => {}
                _ => match word.strip_prefix('^') {
                    Some(key) => patch_key = Some(key.to_owned()),
                    None => kind = ListKind::Map(word.split(',').map(str::to_owned).collect()),
                },
            }
        }
        return Some(Type::List(Arc::new(ListType { kind, elem: parse_type(elem)?, patch_key })));
    }
    if let Some(rest) = s.strip_prefix("{!}") {
        return Some(Type::Map(Arc::new(MapType { elem: parse_type(rest)?, atomic: true })));
    }
    if let Some(rest) = s.strip_prefix("{}") {
        return Some(Type::Map(Arc::new(MapType { elem: parse_type(rest)?, atomic: false })));
    }
    if let Some(name) = s.strip_prefix("!@") {
        return Some(Type::Named(name, true));
    }
    if let Some(name) = s.strip_prefix('@') {
        return Some(Type::Named(name, false));
    }
    Some(match s {
        "s" | "y" => Type::Scalar(Scalar::Str),
        "i" => Type::Scalar(Scalar::Int),
        "n" => Type::Scalar(Scalar::Num),
        "b" => Type::Scalar(Scalar::Bool),
        "x" => Type::Scalar(Scalar::IntOrString),
        "q" => Type::Scalar(Scalar::Quantity),
        "t" => Type::Scalar(Scalar::Time),
        "u" => Type::Scalar(Scalar::MicroTime),
        "*" => Type::AnyAtomic,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_parses() {
        let structs = TEXT.lines().filter(|l| l.starts_with("T ")).count();
        let resources = TEXT.lines().filter(|l| l.starts_with("R ")).count();
        assert_eq!(builtin().structs.len(), structs);
        assert_eq!(builtin().resources.len(), resources);
        for line in TEXT.lines().filter(|l| l.starts_with(' ')) {
            assert!(parse_field(line.trim_start()).is_some(), "{line}");
        }
    }

    #[test]
    fn every_named_type_exists() {
        for (name, s) in &builtin().structs {
            for (field, f) in &s.fields {
                check(&f.ty, &format!("{name}.{field}"));
            }
        }
        fn check(ty: &Type, at: &str) {
            match ty {
                Type::Named(n, _) => assert!(strukt(n).is_some(), "{at}: {n}"),
                Type::List(l) => check(&l.elem, at),
                Type::Map(m) => check(&m.elem, at),
                Type::AnyAtomic | Type::Deduced | Type::Scalar(_) | Type::Struct(_) => {}
            }
        }
    }
}
