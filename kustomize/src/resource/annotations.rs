//! The annotations in which a build keeps its notes. kustomize: api/internal/utils/annotations.go, kyaml/kio/kioutil.

macro_rules! internal {
    ($name:literal) => {
        concat!("internal.config.kubernetes.io/", $name)
    };
}

pub(crate) const PREVIOUS_KINDS: &str = internal!("previousKinds");
pub(crate) const PREVIOUS_NAMES: &str = internal!("previousNames");
pub(crate) const PREVIOUS_NAMESPACES: &str = internal!("previousNamespaces");
pub(crate) const PREFIXES: &str = internal!("prefixes");
pub(crate) const SUFFIXES: &str = internal!("suffixes");
pub(crate) const REF_BY: &str = internal!("refBy");
pub(crate) const BEHAVIOR: &str = internal!("generatorBehavior");
pub(crate) const NEEDS_HASH: &str = internal!("needsHashSuffix");
pub(crate) const ALLOW_NAME_CHANGE: &str = internal!("allowNameChange");
pub(crate) const ALLOW_KIND_CHANGE: &str = internal!("allowKindChange");
pub(crate) const HELM_GENERATED: &str = internal!("helm-generated");

/// Where an object came from; kept if `buildMetadata` asks for it.
pub(crate) const ORIGIN: &str = "config.kubernetes.io/origin";
/// Which transformers changed it; kept if `buildMetadata` asks for it.
pub(crate) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
/// Objects that carry it are not printed, unless its value is `false`.
pub(crate) const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";

/// What is taken off every object at the end.
pub(crate) const BUILD_ANNOTATIONS: [&str; 19] = [
    PREVIOUS_KINDS,
    PREVIOUS_NAMES,
    PREFIXES,
    SUFFIXES,
    PREVIOUS_NAMESPACES,
    ALLOW_NAME_CHANGE,
    ALLOW_KIND_CHANGE,
    REF_BY,
    BEHAVIOR,
    NEEDS_HASH,
    internal!("path"),
    internal!("index"),
    internal!("seqindent"),
    internal!("id"),
    internal!("annotations-migration-resource-id"),
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
    HELM_GENERATED,
];

/// Whether a JSON patch must leave the annotation as it was. Go: `GetInternalAnnotations`.
pub(crate) fn is_internal(name: &str) -> bool {
    name.starts_with("internal.config.kubernetes.io/")
        || matches!(name, "config.kubernetes.io/path" | "config.kubernetes.io/index" | "config.k8s.io/id")
}
