//! The fields of a kustomization file. A list or map that is not given (or null) is `None`: an empty one counts as
//! something, when kustomize looks whether a file is empty.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::decode::record;
use crate::fieldspec::FieldSpec;
use crate::generator::{Behavior, Generated, Generator, GeneratorOptions, Sources};
use crate::id::Pattern;
use crate::selector::Selector;

type Strings = BTreeMap<String, String>;

record! {
    /// The whole file.
    pub(crate) struct Kustomization {
        kind: String = "kind",
        api_version: String = "apiVersion",
        metadata: Option<Metadata> = "metadata",
        openapi: Option<Strings> = "openapi",
        name_prefix: String = "namePrefix",
        name_suffix: String = "nameSuffix",
        namespace: String = "namespace",
        common_labels: Option<Strings> = "commonLabels",
        labels: Option<Vec<Label>> = "labels",
        common_annotations: Option<Strings> = "commonAnnotations",
        patches_strategic_merge: Option<Vec<String>> = "patchesStrategicMerge",
        patches_json6902: Option<Vec<Patch>> = "patchesJson6902",
        patches: Option<Vec<Patch>> = "patches",
        images: Option<Vec<Image>> = "images",
        image_tags: Option<Vec<Image>> = "imageTags",
        replacements: Option<Vec<ReplacementEntry>> = "replacements",
        replicas: Option<Vec<Replica>> = "replicas",
        vars: Option<Vec<Var>> = "vars",
        sort_options: Option<SortOptions> = "sortOptions",
        resources: Option<Vec<String>> = "resources",
        components: Option<Vec<String>> = "components",
        crds: Option<Vec<String>> = "crds",
        bases: Option<Vec<String>> = "bases",
        config_map_generator: Option<Vec<GeneratorArgs>> = "configMapGenerator",
        secret_generator: Option<Vec<SecretArgs>> = "secretGenerator",
        helm_globals: Option<HelmGlobals> = "helmGlobals",
        helm_charts: Option<Vec<HelmChart>> = "helmCharts",
        helm_chart_inflation_generator: Option<Vec<HelmChartArgs>> = "helmChartInflationGenerator",
        generator_options: Option<OptionFields> = "generatorOptions",
        configurations: Option<Vec<String>> = "configurations",
        generators: Option<Vec<String>> = "generators",
        transformers: Option<Vec<String>> = "transformers",
        validators: Option<Vec<String>> = "validators",
        build_metadata: Option<Vec<String>> = "buildMetadata",
    }
}

record! {
    /// `metadata` of the file or of a plugin's configuration.
    pub(crate) struct Metadata {
        name: String = "name",
        namespace: String = "namespace",
        labels: Strings = "labels",
        annotations: Strings = "annotations",
    }
}

record! {
    /// An entry of `labels`.
    pub(crate) struct Label {
        pairs: Strings = "pairs",
        include_selectors: bool = "includeSelectors",
        include_templates: bool = "includeTemplates",
        fields: Vec<FieldSpec> = "fields",
    }
}

record! {
    /// An entry of `patches` or `patchesJson6902`.
    pub(crate) struct Patch {
        path: String = "path",
        patch: String = "patch",
        target: Option<SelectorFields> = "target",
        options: Option<PatchOptions> = "options",
    }
}

record! {
    /// `options` of a patch.
    pub(crate) struct PatchOptions {
        allow_name_change: bool = "allowNameChange",
        allow_kind_change: bool = "allowKindChange",
    }
}

record! {
    /// A selector as it is written.
    pub(crate) struct SelectorFields {
        group: String = "group" promoted,
        version: String = "version" promoted,
        kind: String = "kind" promoted,
        name: String = "name" promoted,
        namespace: String = "namespace" promoted,
        annotations: String = "annotationSelector",
        labels: String = "labelSelector",
    }
}

impl From<SelectorFields> for Selector {
    fn from(fields: SelectorFields) -> Self {
        let SelectorFields { group, version, kind, name, namespace, annotations, labels } = fields;
        Self { pattern: Pattern { group, version, kind }, name, namespace, annotations, labels }
    }
}

record! {
    /// An entry of `images`.
    pub(crate) struct Image {
        name: String = "name",
        new_name: String = "newName",
        tag_suffix: String = "tagSuffix",
        new_tag: String = "newTag",
        digest: String = "digest",
    }
}

record! {
    /// An entry of `replicas`.
    pub(crate) struct Replica {
        name: String = "name",
        count: i64 = "count",
    }
}

record! {
    /// An entry of `vars`.
    pub(crate) struct Var {
        name: String = "name",
        object: ObjectRef = "objref",
        field: FieldRef = "fieldref",
    }
}

record! {
    /// The object that a var reads.
    pub(crate) struct ObjectRef {
        api_version: String = "apiVersion",
        group: String = "group",
        version: String = "version",
        kind: String = "kind",
        name: String = "name",
        namespace: String = "namespace",
    }
}

record! {
    /// The field that a var reads.
    pub(crate) struct FieldRef {
        path: String = "fieldPath",
    }
}

record! {
    /// `sortOptions`.
    pub(crate) struct SortOptions {
        order: String = "order",
        legacy: Option<LegacySortOptions> = "legacySortOptions",
    }
}

record! {
    /// `sortOptions.legacySortOptions`.
    pub(crate) struct LegacySortOptions {
        first: Vec<String> = "orderFirst",
        last: Vec<String> = "orderLast",
    }
}

record! {
    /// An entry of `configMapGenerator`.
    pub(crate) struct GeneratorArgs {
        namespace: String = "namespace" promoted,
        name: String = "name" promoted,
        behavior: String = "behavior" promoted,
        literals: Vec<String> = "literals" promoted,
        files: Vec<String> = "files" promoted,
        envs: Vec<String> = "envs" promoted,
        env: String = "env" promoted,
        options: Option<OptionFields> = "options" promoted,
    }
}

record! {
    /// An entry of `secretGenerator`.
    pub(crate) struct SecretArgs {
        namespace: String = "namespace" promoted,
        name: String = "name" promoted,
        behavior: String = "behavior" promoted,
        literals: Vec<String> = "literals" promoted,
        files: Vec<String> = "files" promoted,
        envs: Vec<String> = "envs" promoted,
        env: String = "env" promoted,
        options: Option<OptionFields> = "options" promoted,
        r#type: String = "type" promoted,
    }
}

impl SecretArgs {
    /// The same without the type, which it has beside.
    pub(crate) fn split(self) -> (GeneratorArgs, String) {
        let Self { namespace, name, behavior, literals, files, envs, env, options, r#type } = self;
        (GeneratorArgs { namespace, name, behavior, literals, files, envs, env, options }, r#type)
    }
}

impl GeneratorArgs {
    /// The generator, with the options of the kustomization below its own.
    pub(crate) fn into_generator(self, kind: Generated, global: Option<&OptionFields>) -> Generator {
        let mut envs = self.envs;
        if !self.env.is_empty() {
            envs.push(self.env);
        }
        let own = self.options.map(GeneratorOptions::from).unwrap_or_default();
        let options = match global {
            Some(global) => own.over(&global.clone().into()),
            None => own,
        };
        Generator {
            kind,
            name: self.name,
            namespace: self.namespace,
            behavior: Behavior::from_text(&self.behavior),
            sources: Sources { literals: self.literals, files: self.files, envs },
            options,
        }
    }
}

record! {
    /// `generatorOptions`, or `options` of a generator.
    pub(crate) struct OptionFields {
        labels: Strings = "labels",
        annotations: Strings = "annotations",
        disable_name_suffix_hash: bool = "disableNameSuffixHash",
        immutable: bool = "immutable",
    }
}

impl From<OptionFields> for GeneratorOptions {
    fn from(fields: OptionFields) -> Self {
        let OptionFields { labels, annotations, disable_name_suffix_hash, immutable } = fields;
        Self { labels, annotations, disable_name_suffix_hash, immutable }
    }
}

record! {
    /// `helmGlobals`.
    pub(crate) struct HelmGlobals {
        chart_home: String = "chartHome" promoted,
        config_home: String = "configHome" promoted,
    }
}

record! {
    /// An entry of `helmCharts`.
    pub(crate) struct HelmChart {
        name: String = "name" promoted,
        version: String = "version" promoted,
        repo: String = "repo" promoted,
        release_name: String = "releaseName" promoted,
        namespace: String = "namespace" promoted,
        additional_values_files: Vec<String> = "additionalValuesFiles" promoted,
        values_file: String = "valuesFile" promoted,
        values_inline: Option<BTreeMap<String, Value>> = "valuesInline" promoted,
        values_merge: String = "valuesMerge" promoted,
        include_crds: bool = "includeCRDs" promoted,
        skip_hooks: bool = "skipHooks" promoted,
        api_versions: Vec<String> = "apiVersions" promoted,
        kube_version: String = "kubeVersion" promoted,
        name_template: String = "nameTemplate" promoted,
        skip_tests: bool = "skipTests" promoted,
        debug: bool = "debug" promoted,
        devel: bool = "devel" promoted,
    }
}

record! {
    /// An entry of `helmChartInflationGenerator`, the older form of `helmCharts`.
    pub(crate) struct HelmChartArgs {
        chart_name: String = "chartName",
        chart_version: String = "chartVersion",
        chart_repo_url: String = "chartRepoUrl",
        chart_home: String = "chartHome",
        chart_repo_name: String = "chartRepoName",
        helm_bin: String = "helmBin",
        helm_home: String = "helmHome",
        values: String = "values",
        values_local: Option<BTreeMap<String, Value>> = "valuesLocal",
        values_merge: String = "valuesMerge",
        release_name: String = "releaseName",
        release_namespace: String = "releaseNamespace",
        extra_args: Vec<String> = "extraArgs",
    }
}

record! {
    /// An entry of `replacements`: a file, or a replacement.
    pub(crate) struct ReplacementEntry {
        path: String = "path",
        source: Option<SourceFields> = "source",
        targets: Option<Vec<Option<TargetFields>>> = "targets",
        source_value: Option<String> = "sourceValue",
    }
}

record! {
    /// `source` of a replacement.
    pub(crate) struct SourceFields {
        group: String = "group" promoted,
        version: String = "version" promoted,
        kind: String = "kind" promoted,
        name: String = "name" promoted,
        namespace: String = "namespace" promoted,
        field_path: String = "fieldPath",
        options: Option<FieldOptions> = "options",
    }
}

record! {
    /// An entry of `targets` of a replacement.
    pub(crate) struct TargetFields {
        select: Option<SelectorFields> = "select",
        reject: Vec<Option<SelectorFields>> = "reject",
        field_paths: Option<Vec<String>> = "fieldPaths",
        options: Option<FieldOptions> = "options",
    }
}

record! {
    /// `options` of a source or target.
    pub(crate) struct FieldOptions {
        delimiter: String = "delimiter",
        index: i64 = "index",
        encoding: String = "encoding",
        create: bool = "create",
    }
}
