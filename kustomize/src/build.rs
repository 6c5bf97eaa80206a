//! The build: `kustomize build` as a function.
//!
//! kustomize: api/krusty/kustomizer.go.

use std::cell::RefCell;
use std::collections::BTreeSet;

use file_tree::Files;
use serde_json::Value;

use crate::fieldspec::FieldSpec;
use crate::helm::Charts;
use crate::kustomization::SortOptions;
use crate::loader::Loader;
use crate::print;
use crate::resmap::ResMap;
use crate::resource::{BUILD_ANNOTATIONS, ORIGIN, Scopes, StringMap, TRANSFORMATIONS};
use crate::target::{Session, Target};
use crate::transform::{self, Labels};
use crate::{Error, Note};

/// In which order the objects come, where the kustomization does not say (`sortOptions`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they were read: what programs that link kustomize's library get, Fleet among them.
    #[default]
    Input,
    /// By kind, namespaces and definitions first: what the command line does.
    Legacy,
}

/// How a build is done.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// The order of the objects.
    pub order: Order,
    /// Whether files may lie outside of the directory of the kustomization that names them (`LoadRestrictionsNone`).
    /// Outside of the tree there is nothing in any case.
    pub load_from_anywhere: bool,
    /// Where the tree lies in the file system (an absolute path), if it does: then absolute paths that lead into it are
    /// understood, and messages show them.
    pub tree_path: Option<&'a str>,
    /// Who renders `helmCharts`; without it they are an error (`--enable-helm`).
    pub charts: Option<&'a dyn Charts>,
    /// Marks all objects with `app.kubernetes.io/managed-by`, as `buildMetadata: [managedByLabel]` does.
    pub managed_by_label: bool,
    /// The Kubernetes version for charts that name none.
    pub helm_kube_version: &'a str,
    /// The API versions for charts that name none.
    pub helm_api_versions: &'a [String],
    /// What stands in that label after `kustomize-`; `(devel)` if empty, as in programs that link the library.
    pub version: &'a str,
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("order", &self.order)
            .field("load_from_anywhere", &self.load_from_anywhere)
            .field("tree_path", &self.tree_path)
            .field("charts", &self.charts.is_some())
            .field("helm_kube_version", &self.helm_kube_version)
            .field("helm_api_versions", &self.helm_api_versions)
            .field("managed_by_label", &self.managed_by_label)
            .field("version", &self.version)
            .finish()
    }
}

/// What a build gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// The objects, in order. Their fields come in no order of meaning; [`Output::to_yaml`] sorts them.
    pub objects: Vec<Value>,
    /// What kustomize prints on standard error although the build succeeds, and what it does not say.
    pub warnings: Vec<String>,
    /// What has no effect, and of which kustomize says nothing: patches and replacements whose target no object is.
    pub notes: Vec<Note>,
    /// The namespace of each object; none for types that the schema knows to have none.
    namespaces: Vec<Option<String>>,
}

impl Output {
    /// The objects as `kustomize build` prints them.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        print::to_yaml(&self.objects)
    }

    /// Each object as a file, as `kustomize build -o DIRECTORY` writes them: named for type and name, and for the namespace
    /// where there is more than one.
    #[must_use]
    pub fn to_files(&self) -> Vec<(String, String)> {
        let distinct: BTreeSet<&String> = self.namespaces.iter().flatten().collect();
        let name = |object: &Value, namespace: Option<&String>| {
            let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
            let api_version = text(object.get("apiVersion"));
            let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
            let kind = text(object.get("kind"));
            let gvk: Vec<&str> = [group, version, &kind].into_iter().filter(|part| !part.is_empty()).collect();
            let name = text(object.get("metadata").and_then(|metadata| metadata.get("name")));
            let file = format!("{}_{name}.yaml", gvk.join("_"));
            match namespace.filter(|_| distinct.len() > 1) {
                Some(namespace) => format!("{namespace}_{file}").to_lowercase(),
                None => file.to_lowercase(),
            }
        };
        let objects = self.objects.iter().zip(&self.namespaces);
        objects
            .map(|(object, namespace)| (name(object, namespace.as_ref()), print::to_yaml(std::slice::from_ref(object))))
            .collect()
    }
}

/// Builds the kustomization in the directory `dir` of a tree.
///
/// # Errors
/// What kustomize refuses, and what needs programs, functions or the network; with the file, line and field where they
/// are known.
pub fn build(files: &dyn Files, dir: &str, options: &Options<'_>) -> Result<Output, Error> {
    let Made { map, warnings, notes } = made(files, dir, options)?;
    let mut output = Output { warnings, notes, ..Output::default() };
    each_object(map, |object, namespace| {
        print::check(&object, &mut output.warnings)?;
        output.objects.push(object);
        output.namespaces.push(namespace);
        Ok(())
    })?;
    Ok(output)
}

/// As [`build`], to the text of [`Output::to_yaml`] and the warnings. It takes a fraction of the memory: there is one
/// object at a time as JSON.
///
/// # Errors
/// As [`build`].
pub fn build_yaml(files: &dyn Files, dir: &str, options: &Options<'_>) -> Result<(String, Vec<String>), Error> {
    build_texts(files, dir, options).map(|(texts, warnings)| (texts.concat(), warnings))
}

/// As [`build_yaml`], the text in pieces, one for each object: they take the place of the objects, which are freed one by one.
/// All are made before any is given, so that nothing is printed of a build that fails.
///
/// # Errors
/// As [`build`].
pub fn build_texts(files: &dyn Files, dir: &str, options: &Options<'_>) -> Result<(Vec<String>, Vec<String>), Error> {
    let Made { map, mut warnings, .. } = made(files, dir, options)?;
    let mut texts = Vec::with_capacity(map.resources().len());
    each_object(map, |object, _| {
        let folds = print::check(&object, &mut warnings)?;
        let mut text = String::new();
        print::append(&object, folds, texts.is_empty(), &mut text);
        text.shrink_to_fit();
        texts.push(text);
        Ok(())
    })?;
    Ok((texts, warnings))
}

struct Made {
    map: ResMap,
    warnings: Vec<String>,
    notes: Vec<Note>,
}

fn made(files: &dyn Files, dir: &str, options: &Options<'_>) -> Result<Made, Error> {
    let session = Session {
        options,
        scopes: Scopes::default(),
        warnings: RefCell::default(),
        notes: RefCell::default(),
        loaded: RefCell::default(),
    };
    let loader = Loader::at(files, options, dir)?;
    let mut target = Target::load(&session, loader, true)?;
    let mut map = target.make()?;
    finish(&mut map, &target, options).map_err(|error| target.at("sortOptions", error))?;
    drop(target);
    Ok(Made { map, warnings: session.warnings.into_inner(), notes: session.notes.into_inner() })
}

/// Each object as JSON with its namespace, none for types that have none. What has been used is freed at once.
fn each_object(
    mut map: ResMap,
    mut use_it: impl FnMut(Value, Option<String>) -> Result<(), Error>,
) -> Result<(), Error> {
    for resource in map.take() {
        let id = resource.current_id();
        let failed = |error: Error| resource.locate(error.context(format!("printing {id}")));
        let object = resource.node.to_json().map_err(failed)?;
        use_it(object, (!id.gvk.cluster_scoped).then(|| id.effective_namespace().to_owned())).map_err(failed)?;
    }
    Ok(())
}

/// What is done once, for the kustomization that is built. Go: `Kustomizer.Run`.
fn finish(map: &mut ResMap, target: &Target<'_, '_>, options: &Options<'_>) -> Result<(), Error> {
    match (&target.kustomization.sort_options, options.order) {
        (Some(sort), _) => transform::sort(map, sort)?,
        (None, Order::Legacy) => {
            transform::sort(map, &SortOptions { order: "legacy".to_owned(), legacy: None })?;
        }
        (None, Order::Input) => {}
    }
    let asked = |option: &str| target.kustomization.build_metadata.iter().flatten().any(|known| known == option);
    if options.managed_by_label || asked("managedByLabel") {
        let version = if options.version.is_empty() { "(devel)" } else { options.version };
        let label = ("app.kubernetes.io/managed-by".to_owned(), format!("kustomize-{version}"));
        Labels { pairs: StringMap::from([label]), fields: vec![FieldSpec::new("metadata/labels", true)] }
            .transform(map)?;
    }
    let (origins, transformations) = (asked("originAnnotations"), asked("transformerAnnotations"));
    for resource in map.resources_mut() {
        let mut annotations = resource.annotations();
        if annotations.is_empty() && origins && transformations {
            continue;
        }
        annotations.retain(|name, _| {
            !BUILD_ANNOTATIONS.contains(&name.as_str())
                && (origins || name != ORIGIN)
                && (transformations || name != TRANSFORMATIONS)
        });
        resource.set_annotations(&annotations)?;
    }
    Ok(())
}
