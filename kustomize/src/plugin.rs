//! Objects that configure a built-in transformer or generator: `transformers`, `generators`, `validators`.
//!
//! kustomize: api/internal/plugins/loader/loader.go, api/internal/builtins. Functions and programs are not run.

use k8s_yaml::Options;

use crate::Error;
use crate::decode::{self, Decode, Rules, record};
use crate::fieldspec::FieldSpec;
use crate::generator::Generated;
use crate::helm::ChartGenerator;
use crate::kustomization::{
    GeneratorArgs, HelmChart, HelmGlobals, Image, Metadata, Patch, PatchOptions, ReplacementEntry, Replica, SecretArgs,
    SelectorFields,
};
use crate::loader::Loader;
use crate::replacement::Replacements;
use crate::resource::{Place, Resource, Scopes, StringMap};
use crate::selector::Selector;
use crate::target::Generate;
use crate::transform::{
    Affix, ImageTag, JsonPatches, Labels, MergePatches, Namespace, PatchTransformer, Replicas, Subjects, Transformer,
    ValueAdd, ValueTarget,
};

record! {
    struct AffixConfig {
        prefix: String = "prefix",
        suffix: String = "suffix",
        fields: Option<Vec<FieldSpec>> = "fieldSpecs",
    }
}

record! {
    struct LabelConfig {
        labels: StringMap = "labels",
        fields: Vec<FieldSpec> = "fieldSpecs",
    }
}

record! {
    struct AnnotationConfig {
        annotations: StringMap = "annotations",
        fields: Vec<FieldSpec> = "fieldSpecs",
    }
}

record! {
    struct NamespaceConfig {
        metadata: Metadata = "metadata",
        fields: Vec<FieldSpec> = "fieldSpecs",
        unset_only: bool = "unsetOnly",
        subjects: String = "setRoleBindingSubjects",
    }
}

record! {
    struct ImageConfig {
        image: Image = "imageTag",
        fields: Vec<FieldSpec> = "fieldSpecs",
    }
}

record! {
    struct ReplicaConfig {
        replica: Replica = "replica",
        fields: Vec<FieldSpec> = "fieldSpecs",
    }
}

record! {
    struct PatchConfig {
        path: String = "path",
        patch: String = "patch",
        target: Option<SelectorFields> = "target",
        options: Option<PatchOptions> = "options",
    }
}

record! {
    struct JsonPatchConfig {
        target: Option<SelectorFields> = "target",
        path: String = "path",
        json_op: String = "jsonOp",
    }
}

record! {
    struct MergePatchConfig {
        paths: Vec<String> = "paths",
        patches: String = "patches",
    }
}

record! {
    struct ReplacementConfig {
        replacements: Vec<ReplacementEntry> = "replacements",
    }
}

record! {
    struct ValueConfig {
        value: String = "value",
        targets: Vec<ValueTargetFields> = "targets",
        target_file: String = "targetFilePath",
    }
}

record! {
    struct ValueTargetFields {
        selector: Option<SelectorFields> = "selector",
        field_path: String = "fieldPath",
        position: i64 = "filePathPosition",
    }
}

record! {
    struct PolicyConfig {
        cloud: String = "cloud" promoted,
        kubernetes: KubernetesService = "kubernetesService" promoted,
        account: ServiceAccount = "serviceAccount" promoted,
    }
}

record! {
    struct KubernetesService {
        name: String = "name",
        namespace: String = "namespace",
    }
}

record! {
    struct ServiceAccount {
        name: String = "name",
        project: String = "projectId",
    }
}

record! {
    struct WithMetadata {
        metadata: Metadata = "metadata",
    }
}

/// What a plugin may look at.
pub(crate) struct Context<'c, 'f> {
    pub loader: &'c Loader<'f>,
    pub scopes: &'c Scopes,
}

/// The text of an object as kustomize gives it to its plugins.
struct Config<'r> {
    resource: &'r Resource,
    text: String,
}

impl<'r> Config<'r> {
    fn of(resource: &'r Resource) -> Result<Self, Error> {
        if &*resource.api_version() != "builtin" {
            let message = format!(
                "{} is no built-in plugin (apiVersion: builtin); functions and programs are not run",
                resource.original_id()
            );
            return Err(Error::new(message));
        }
        Ok(Self { resource, text: k8s_yaml::to_string(&resource.node.to_json()?) })
    }

    fn read<T: Decode>(&self) -> Result<T, Error> {
        decode::from_text(&self.text, &Options::sigs(), Rules::PLUGIN)
    }

    /// The object as the place of what it holds.
    fn place(&self) -> Place {
        match &self.resource.place {
            Some(place) => Place::inline(place.file.to_string(), place.line),
            None => Place::inline("generated".to_owned(), 1),
        }
    }

    fn fails(&self, error: Error) -> Error {
        error.context(format!("plugin {} fails configuration", self.resource.original_id()))
    }
}

/// The transformers that an object configures. (`PrefixSuffixTransformer` is two in one.)
///
/// # Errors
/// It is no transformer, or its configuration is malformed.
pub(crate) fn transformers(resource: &Resource, context: &Context<'_, '_>) -> Result<Vec<Transformer>, Error> {
    let config = Config::of(resource)?;
    let made = match &*resource.kind() {
        "PrefixSuffixTransformer" => affix(&config, true).and_then(|first| Ok(vec![first, affix(&config, false)?])),
        kind => transformer(kind, &config, context).map(|transformer| vec![transformer]),
    };
    made.map_err(|error| config.fails(error))
}

fn transformer(kind: &str, config: &Config<'_>, context: &Context<'_, '_>) -> Result<Transformer, Error> {
    let Context { loader, scopes } = context;
    Ok(match kind {
        "PrefixTransformer" => affix(config, true)?,
        "SuffixTransformer" => affix(config, false)?,
        "AnnotationsTransformer" => {
            let AnnotationConfig { annotations, fields } = config.read()?;
            Transformer::Labels(Labels { pairs: annotations, fields })
        }
        "LabelTransformer" => {
            let LabelConfig { labels, fields } = config.read()?;
            Transformer::Labels(Labels { pairs: labels, fields })
        }
        "NamespaceTransformer" => {
            let NamespaceConfig { metadata, fields, unset_only, subjects } = config.read()?;
            let subjects = Subjects::parse(&subjects)?;
            Transformer::Namespace(Namespace { namespace: metadata.namespace, fields, unset_only, subjects })
        }
        "ImageTagTransformer" => {
            let ImageConfig { image, fields } = config.read()?;
            Transformer::Image(ImageTag::new(image, fields)?)
        }
        "ReplicaCountTransformer" => {
            let ReplicaConfig { replica, fields } = config.read()?;
            Transformer::Replicas(Replicas { name: replica.name, count: replica.count, fields })
        }
        "PatchTransformer" => {
            let PatchConfig { path, patch, target, options } = config.read()?;
            Transformer::Patch(PatchTransformer::read(
                Patch { path, patch, target, options },
                loader,
                scopes,
                &config.place(),
            )?)
        }
        "PatchJson6902Transformer" => {
            let JsonPatchConfig { target, path, json_op } = config.read()?;
            Transformer::JsonPatches(JsonPatches::read(target.map(Selector::from), &path, &json_op, loader)?)
        }
        "PatchStrategicMergeTransformer" => {
            let MergePatchConfig { mut paths, patches } = config.read()?;
            paths.extend((!patches.is_empty()).then_some(patches));
            Transformer::MergePatches(MergePatches::read(&paths, loader, scopes, &config.place())?)
        }
        "ReplacementTransformer" => {
            let ReplacementConfig { replacements } = config.read()?;
            Transformer::Replacements(Replacements::read(replacements, loader)?)
        }
        "ValueAddTransformer" => value_add(config.read()?, loader)?,
        "HashTransformer" => Transformer::Hash,
        "ConfigMapGenerator" | "SecretGenerator" | "IAMPolicyGenerator" | "HelmChartInflationGenerator" => {
            return Err(Error::new("it is a generator, not a transformer"));
        }
        kind => return Err(Error::new(format!("unable to load builtin {kind}: there is no such plugin"))),
    })
}

fn affix(config: &Config<'_>, prefix: bool) -> Result<Transformer, Error> {
    let AffixConfig { prefix: before, suffix, fields } = config.read()?;
    let Some(fields) = fields else { return Err(Error::new("fieldSpecs is not expected to be nil")) };
    Ok(Transformer::Affix(Affix { text: if prefix { before } else { suffix }, is_suffix: !prefix, fields }))
}

fn value_add(config: ValueConfig, loader: &Loader<'_>) -> Result<Transformer, Error> {
    let ValueConfig { value, mut targets, target_file } = config;
    let value = match value.trim() {
        "" => file_tree::file_name(loader.root()).to_owned(),
        value => value.to_owned(),
    };
    if !target_file.is_empty() {
        let text = loader.load_text(&target_file)?;
        let read: Result<ValueConfig, Error> = decode::from_text(&text, &Options::sigs(), Rules::PLUGIN);
        targets.extend(read.map_err(|error| error.in_file(loader.shown(&target_file)))?.targets);
    }
    if targets.is_empty() {
        return Err(Error::new("must specify at least one target").in_field("targets"));
    }
    let target = |ValueTargetFields { selector, field_path, position }| {
        if field_path.is_empty() {
            return Err(Error::new("fieldPath cannot be empty").in_field("targets"));
        }
        let position = usize::try_from(position)
            .map_err(|_| Error::new(format!("value of filePathPosition ({position}) cannot be negative")))?;
        Ok(ValueTarget { selector: selector.map(Selector::from), field_path, position })
    };
    let targets = targets.into_iter().map(target).collect::<Result<_, _>>()?;
    Ok(Transformer::ValueAdd(ValueAdd { value, targets }))
}

/// The generator that an object configures.
///
/// # Errors
/// It is no generator, or its configuration is malformed.
pub(crate) fn generator(resource: &Resource) -> Result<Generate, Error> {
    let config = Config::of(resource)?;
    let made = (|| {
        let WithMetadata { metadata } = config.read()?;
        Ok(match &*resource.kind() {
            "ConfigMapGenerator" => data(config.read()?, &metadata, Generated::ConfigMap),
            "SecretGenerator" => {
                let (args, kind) = config.read::<SecretArgs>()?.split();
                data(args, &metadata, Generated::Secret(kind))
            }
            "HelmChartInflationGenerator" => {
                let (globals, chart) = (config.read::<HelmGlobals>()?, config.read::<HelmChart>()?);
                Generate::Chart(Box::new(ChartGenerator { globals, chart }))
            }
            "IAMPolicyGenerator" => Generate::Text(service_account(&config.read()?)?),
            kind => return Err(Error::new(format!("{kind} is not a generator"))),
        })
    })();
    made.map_err(|error: Error| config.fails(error))
}

fn data(mut args: GeneratorArgs, metadata: &Metadata, kind: Generated) -> Generate {
    if args.name.is_empty() {
        args.name.clone_from(&metadata.name);
    }
    if args.namespace.is_empty() {
        args.namespace.clone_from(&metadata.namespace);
    }
    // Plugins know the field `envs` alone.
    args.env.clear();
    Generate::Data(args.into_generator(kind, None))
}

/// The service account of Workload Identity. kustomize: api/filters/iampolicygenerator.
fn service_account(config: &PolicyConfig) -> Result<String, Error> {
    let PolicyConfig { cloud, kubernetes, account } = config;
    if cloud != "gke" {
        return Err(Error::new(format!("cloud provider {cloud} not supported yet")).in_field("cloud"));
    }
    let mut text = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  annotations:\n    iam.gke.io/gcp-service-account: \
         {}@{}.iam.gserviceaccount.com\n  name: {}\n",
        account.name, account.project, kubernetes.name
    );
    if !kubernetes.namespace.is_empty() {
        text.push_str(&format!("\n  namespace: {}", kubernetes.namespace));
    }
    Ok(text)
}
