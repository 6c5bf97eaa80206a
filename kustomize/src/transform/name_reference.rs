//! Following names that have changed.
//!
//! kustomize: api/internal/accumulator/namereferencetransformer.go, api/filters/nameref,
//! `SubsetThatCouldBeReferencedByResource` in api/resmap/reswrangler.go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::Error;
use crate::config::NameReference;
use crate::fieldspec::{split_path, walk_path};
use crate::id::{Gvk, Pattern, ResId};
use crate::resmap::ResMap;
use crate::resource::{
    PREFIXES, PREVIOUS_KINDS, PREVIOUS_NAMES, PREVIOUS_NAMESPACES, Resource, SUFFIXES, ids_of_lists, parts,
};
use crate::yaml::{Node, Value};

/// Names to follow: the fields of one kind of referrer.
struct Reference<'r> {
    target: &'r Pattern,
    spelled: &'r str,
    path: Vec<String>,
}

/// What is known of an object that may be referred to.
#[derive(Clone)]
struct Candidate {
    current: ResId,
    previous: Vec<ResId>,
    /// Prefixes and suffixes that it got, each a list with commas.
    affixes: [Option<Arc<str>>; 2],
}

impl Candidate {
    fn of(resource: &Resource) -> Self {
        Self {
            current: resource.current_id(),
            previous: resource.previous_ids(),
            affixes: [PREFIXES, SUFFIXES].map(|name| resource.shared_annotation(name)),
        }
    }

    fn original(&self) -> &ResId {
        self.previous.first().unwrap_or(&self.current)
    }

    fn was(&self, pattern: &Pattern) -> bool {
        self.previous.iter().any(|id| id.gvk.is_selected(pattern))
    }

    fn same_affixes(&self, other: &Self, allow_empty: bool) -> bool {
        self.affixes.iter().zip(&other.affixes).all(|pair| match pair {
            (None, None) => true,
            (None, Some(_)) | (Some(_), None) => allow_empty,
            // The last ones of the longer list.
            (Some(own), Some(others)) => own.rsplit(',').zip(others.rsplit(',')).all(|(own, other)| own == other),
        })
    }
}

/// What objects have in common but their names: there are few such sets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kin {
    api_version: Arc<str>,
    kind: Arc<str>,
    cluster_scoped: bool,
    namespace: Arc<str>,
    affixes: [Option<Arc<str>>; 2],
    /// Namespaces and kinds of the past, lists with commas.
    previous: [Option<Arc<str>>; 2],
}

/// All objects that may be referred to, with little memory: this is when a build holds the most.
struct Candidates {
    kin: Vec<Kin>,
    /// What each object is and was called (a list with commas), and its kin.
    named: Vec<(Arc<str>, Option<Arc<str>>, u32)>,
    /// The names of the past and who had them, sorted.
    by_name: Vec<(Arc<str>, u32)>,
}

impl Candidates {
    fn of(resources: &[Resource]) -> Self {
        let mut known: BTreeMap<Kin, u32> = BTreeMap::new();
        let mut named = Vec::with_capacity(resources.len());
        let mut by_name = Vec::with_capacity(resources.len());
        for (at, resource) in (0..).zip(resources) {
            let Gvk { api_version, kind, cluster_scoped } = resource.gvk();
            let kin = Kin {
                api_version,
                kind,
                cluster_scoped,
                namespace: resource.namespace(),
                affixes: [PREFIXES, SUFFIXES].map(|name| resource.shared_annotation(name)),
                previous: [PREVIOUS_NAMESPACES, PREVIOUS_KINDS].map(|name| resource.shared_annotation(name)),
            };
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            let kin = *known.entry(kin).or_insert(next);
            let previous = resource.shared_annotation(PREVIOUS_NAMES);
            by_name.extend(previous.iter().flat_map(parts).map(|name| (name, at)));
            named.push((resource.name(), previous, kin));
        }
        by_name.sort_unstable();
        by_name.dedup();
        let mut kin: Vec<(Kin, u32)> = known.into_iter().collect();
        kin.sort_unstable_by_key(|(_, number)| *number);
        Self { kin: kin.into_iter().map(|(kin, _)| kin).collect(), named, by_name }
    }

    fn expand(&self, (name, previous, kin): &(Arc<str>, Option<Arc<str>>, u32)) -> Option<Candidate> {
        let Kin { api_version, kind, cluster_scoped, namespace, affixes, previous: [namespaces, kinds] } =
            self.kin.get(usize::try_from(*kin).ok()?)?;
        let gvk = Gvk { api_version: Arc::clone(api_version), kind: Arc::clone(kind), cluster_scoped: *cluster_scoped };
        Some(Candidate {
            current: ResId { gvk, name: Arc::clone(name), namespace: Arc::clone(namespace) },
            previous: ids_of_lists(api_version, previous.as_ref(), namespaces.as_ref(), kinds.as_ref()),
            affixes: affixes.clone(),
        })
    }

    /// The objects that were once called `name`, in order.
    fn called(&self, name: &str) -> impl Iterator<Item = Candidate> {
        let first = self.by_name.partition_point(|(known, _)| **known < *name);
        let found = self.by_name.iter().skip(first).take_while(move |(known, _)| **known == *name);
        found.filter_map(|(_, at)| self.expand(self.named.get(usize::try_from(*at).ok()?)?))
    }

    /// One of each pair of namespaces, its present and its first one: there are few of them, and every field with a
    /// namespace asks.
    fn places(&self) -> Vec<Candidate> {
        let place = |id: &ResId| (id.gvk.cluster_scoped, Arc::clone(&id.namespace));
        let (mut kin, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let one_of_kin = self.named.iter().filter(|(_, previous, number)| kin.insert((*number, previous.is_some())));
        let candidates = one_of_kin.filter_map(|named| self.expand(named));
        candidates.filter(|one| seen.insert((place(&one.current), place(one.original())))).collect()
    }
}

/// Changes the names of renamed objects wherever others name them.
///
/// # Errors
/// A name could be that of several objects; a field that should hold a name holds something else.
pub(crate) fn fix_references(map: &mut ResMap, references: &[NameReference]) -> Result<(), Error> {
    let resources = map.resources_mut();
    let candidates = Candidates::of(resources);
    let places = candidates.places();
    let mut by_kind: BTreeMap<(Arc<str>, Arc<str>), Vec<Reference<'_>>> = BTreeMap::new();
    for resource in resources {
        let referrer = &Candidate::of(resource);
        let gvk = &referrer.original().gvk;
        let key = (Arc::clone(&gvk.api_version), Arc::clone(&gvk.kind));
        let list = by_kind.entry(key).or_insert_with(|| references_of(gvk, references));
        if list.is_empty() {
            continue;
        }
        check_type(&resource.node).map_err(|error| resource.locate(error))?;
        let namespaces = role_binding_namespaces(resource)?;
        let finder = Finder { candidates: &candidates, places: &places, referrer, namespaces };
        for reference in list.iter() {
            let role = role_of(resource, reference.spelled);
            let fixed = resource.change(|node| {
                walk_path(node, &reference.path, &mut |field| finder.set(field, reference.target, role.as_ref()))
            });
            fixed.map_err(|error| {
                let (field, id) = (reference.spelled, &referrer.current);
                let spelled = if field.is_empty() { "path" } else { &field.replace('/', ".") };
                let error = error.about_field(spelled);
                error.context(format!("updating name reference in '{field}' field of '{id}'"))
            })?;
        }
    }
    Ok(())
}

/// An object that refers to others says its type in the one way in which kustomize would write it.
/// Go: `confirmNodeMatchesReferrer`.
fn check_type(object: &Node) -> Result<(), Error> {
    for name in ["apiVersion", "kind"] {
        let Some(field) = object.field(name) else { continue };
        if (field.is_nil_or_empty() && !field.text().is_empty())
            || (name == "apiVersion" && field.text().starts_with('/'))
        {
            let message = format!("'{}' is no {name} of an object that may refer to others", field.text());
            return Err(Error::new(message).at_line(field.line).in_field(name));
        }
    }
    Ok(())
}

fn references_of<'r>(gvk: &Gvk, references: &'r [NameReference]) -> Vec<Reference<'r>> {
    let mut list = Vec::new();
    for reference in references {
        for spec in reference.referrers.iter().filter(|spec| gvk.is_selected(&spec.pattern)) {
            let path = split_path(&spec.path, "/");
            list.push(Reference { target: &reference.target, spelled: &spec.path, path });
        }
    }
    list
}

/// The kind of role that a binding names, for the field that names it. Go: `roleRefFilter`.
fn role_of(resource: &Resource, path: &str) -> Option<Pattern> {
    if !path.ends_with("roleRef/name") {
        return None;
    }
    let group = resource.node.at(&["roleRef", "apiGroup"])?.text().to_owned();
    let kind = resource.node.at(&["roleRef", "kind"])?.text().to_owned();
    Some(Pattern { group, version: String::new(), kind })
}

/// The namespaces of the service accounts that a binding names. Go: `getNamespacesForRoleBinding`.
fn role_binding_namespaces(resource: &Resource) -> Result<BTreeSet<String>, Error> {
    let mut namespaces = BTreeSet::new();
    if &*resource.kind() != "RoleBinding" {
        return Ok(namespaces);
    }
    for subject in resource.node.field("subjects").map_or(&[][..], Node::elements) {
        let (Some(namespace), Some(kind)) = (subject.field("namespace"), subject.field("kind")) else { continue };
        if kind.text() != "ServiceAccount" {
            continue;
        }
        if !namespace.is_string() {
            let message = format!("Invalid Input: namespace is blank for resource {}", resource.current_id());
            return Err(Error::new(message).at_line(namespace.line).in_field("subjects"));
        }
        namespaces.insert(namespace.text().to_owned());
    }
    Ok(namespaces)
}

struct Finder<'c> {
    candidates: &'c Candidates,
    places: &'c [Candidate],
    referrer: &'c Candidate,
    namespaces: BTreeSet<String>,
}

impl Finder<'_> {
    fn set(&self, field: &mut Node, target: &Pattern, role: Option<&Pattern>) -> Result<(), Error> {
        if field.is_null() {
            return Ok(());
        }
        match &mut field.value {
            Value::Scalar(_) => self.set_scalar(field, target, role),
            Value::Mapping(_) => self.set_mapping(field, target, role),
            Value::Sequence(items) => {
                items.iter_mut().filter(|item| !item.is_null()).try_for_each(|item| match item.value {
                    Value::Scalar(_) => self.set_scalar(item, target, role),
                    Value::Mapping(_) => self.set_mapping(item, target, role),
                    Value::Sequence(_) => {
                        Err(Error::new("a list of names must hold names or mappings").at_line(item.line))
                    }
                })
            }
        }
    }

    fn set_scalar(&self, field: &mut Node, target: &Pattern, role: Option<&Pattern>) -> Result<(), Error> {
        let found = self.find(field.text(), target, role, &|_| true, false)?;
        if let Some(referral) = found.filter(|referral| *referral.current.name != *field.text()) {
            field.set_scalar(Node::scalar(Arc::clone(&referral.current.name)));
        }
        Ok(())
    }

    fn set_mapping(&self, field: &mut Node, target: &Pattern, role: Option<&Pattern>) -> Result<(), Error> {
        let Some(name) = field.field("name").map(|node| node.text().to_owned()) else {
            return Err(Error::new("path config error; no 'name' field in node").at_line(field.line));
        };
        let namespace = field.field("namespace").map(|node| node.text().to_owned());
        let by_original = namespace.as_ref().is_some_and(|namespace| {
            self.places
                .iter()
                .any(|candidate| self.may_refer_to(candidate) && is_in_namespace(candidate.original(), namespace))
        });
        let in_namespace = |candidate: &Candidate| match &namespace {
            None => true,
            Some(namespace) if by_original => is_in_namespace(candidate.original(), namespace),
            Some(namespace) => is_in_namespace(&candidate.current, namespace),
        };
        let Some(referral) = self.find(&name, target, role, &in_namespace, true)? else { return Ok(()) };
        let ResId { name: new_name, namespace: new_namespace, .. } = &referral.current;
        if **new_name == *name && new_namespace.is_empty() {
            return Ok(());
        }
        field.set_field("name", Node::scalar(Arc::clone(new_name)));
        if !new_namespace.is_empty() {
            field.set_field("namespace", Node::scalar(Arc::clone(new_namespace)));
        }
        Ok(())
    }

    /// Go: `SubsetThatCouldBeReferencedByResource`.
    fn may_refer_to(&self, candidate: &Candidate) -> bool {
        let (referrer, id) = (&self.referrer.current, &candidate.current);
        referrer.gvk.cluster_scoped
            || id.gvk.cluster_scoped
            || id.same_namespace(referrer)
            || self.namespaces.contains(&*id.namespace)
    }

    /// Go: `sameCurrentNamespaceAsReferrer`.
    fn is_near(&self, candidate: &Candidate) -> bool {
        let (referrer, id) = (&self.referrer.current, &candidate.current);
        referrer.gvk.cluster_scoped
            || id.gvk.cluster_scoped
            || &*id.gvk.kind == "ServiceAccount"
            || referrer.same_namespace(id)
    }

    /// The object that was once called `name`. Go: `selectReferral`.
    fn find(
        &self,
        name: &str,
        target: &Pattern,
        role: Option<&Pattern>,
        accept: &dyn Fn(&Candidate) -> bool,
        same_namespace: bool,
    ) -> Result<Option<Candidate>, Error> {
        let mut found: Vec<Candidate> = self
            .candidates
            .called(name)
            .filter(|candidate| {
                self.may_refer_to(candidate)
                    && accept(candidate)
                    && candidate.was(target)
                    && role.is_none_or(|role| candidate.was(role))
                    && self.is_near(candidate)
            })
            .collect();
        if found.len() == 1 {
            return Ok(found.pop());
        }
        found.retain(|candidate| candidate.same_affixes(self.referrer, true));
        if found.len() > 1 {
            found.retain(|candidate| candidate.same_affixes(self.referrer, false));
        }
        let Some((first, rest)) = found.split_first() else { return Ok(None) };
        let equal = |other: &Candidate| {
            other.current.name == first.current.name
                && (!same_namespace || other.current.namespace == first.current.namespace)
        };
        if rest.iter().all(equal) {
            return Ok(Some(first.clone()));
        }
        let ids: Vec<String> = found.iter().map(|candidate| candidate.current.to_string()).collect();
        Err(Error::new(format!("found multiple possible referrals for the name {name}: {}", ids.join(", "))))
    }
}

fn is_in_namespace(id: &ResId, namespace: &str) -> bool {
    !id.gvk.cluster_scoped && id.effective_namespace() == namespace
}
