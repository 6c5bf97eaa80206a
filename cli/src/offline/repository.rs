//! The repository on disk, and the files of objects that `bundle` and `render` are given.

use crate::args::RepositoryArgs;
use crate::error::CliError;
use crate::output::Output;
use file_tree::{DirTree, Files};
use fleet_api::labels::DEFAULT_NAMESPACE;
use fleet_api::reason::{Note, Reason};
use fleet_api::v1alpha1::{GitRepo, TargetSelector};
use serde::de::DeserializeOwned;
use serde_json::Value;
use skiff_bundler::charts::{Access, Charts, Fetcher, GitSource, NoCharts};
use skiff_bundler::discover::{Cache, Discovery, Failure, Plain, discover_with};
use std::path::Path;

/// The directory, its GitRepo, and the bundles in it.
pub(crate) struct Repository {
    /// The files.
    pub(crate) files: Box<dyn Files>,
    /// The GitRepo, from its file or made up.
    pub(crate) gitrepo: GitRepo,
    /// What was found.
    pub(crate) discovery: Discovery,
}

impl Repository {
    /// Reads the directory. `namespace` is the GitRepo's where its file names none.
    pub(crate) fn open(args: &RepositoryArgs) -> Result<Self, CliError> {
        let gitrepo = gitrepo(args)?;
        if !args.path.is_dir() {
            return Err(CliError::Failed(format!("{}: is no directory", args.path.display())));
        }
        let files = DirTree::open(&args.path).map_err(|error| CliError::Failed(error.to_string()))?;
        Self::of(Box::new(files), gitrepo, args)
    }

    /// The bundles that `gitrepo` makes of `files`.
    pub(crate) fn of(files: Box<dyn Files>, gitrepo: GitRepo, args: &RepositoryArgs) -> Result<Self, CliError> {
        let find = |charts: &dyn Charts| discover_with(&Plain(&*files), &gitrepo, charts, &mut Cache::default());
        let discovery = if args.fetch_charts {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            let runtime = runtime.map_err(|error| CliError::Failed(format!("charts cannot be fetched: {error}")))?;
            let copies = tempfile::Builder::new().prefix("skiff-charts-").tempdir();
            let copies = copies.map_err(|error| CliError::Failed(format!("charts cannot be fetched: {error}")))?;
            let git = GitSource { cache: copies.path().to_owned(), own: None, allow_file: true };
            find(&Fetcher::new(runtime.handle().clone(), Ok(Access::of_person()), None, "").with_git(git))
        } else {
            find(&NoCharts)
        };
        Ok(Self { files, gitrepo, discovery })
    }

    /// `GitRepo fleet-default/shop`.
    pub(crate) fn title(&self) -> String {
        format!("GitRepo {}/{}", home(&self.gitrepo), self.gitrepo.metadata.name.as_deref().unwrap_or_default())
    }

    /// Tells of notes and failures on stderr. Gives what makes the command fail: an entry without bundles is only a
    /// warning while another one gives some.
    pub(crate) fn report(&self, output: &mut Output) -> Vec<String> {
        for found in &self.discovery.bundles {
            for note in &found.notes {
                output.note(&format!("warning: bundle {}: {}", found.name(), told(note)));
            }
        }
        let mut errors = Vec::new();
        for failure in &self.discovery.failed {
            let line = self.describe(failure);
            let is_empty_entry = failure.note.reason == Reason::NoBundleFound && failure.bundle.is_none();
            if is_empty_entry && !self.discovery.bundles.is_empty() {
                output.note(&format!("warning: {line}"));
            } else {
                errors.push(line);
            }
        }
        errors
    }

    /// What came to nothing, in words.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.discovery.failed.iter().map(|failure| self.describe(failure)).collect()
    }

    fn describe(&self, failure: &Failure) -> String {
        let bundle = failure.bundle.as_ref().map(|name| format!("bundle {name}: ")).unwrap_or_default();
        format!("{}: {bundle}{}", self.title(), told(&failure.note))
    }
}

/// The namespace of a GitRepo, and of the clusters that name none.
pub(crate) fn home(gitrepo: &GitRepo) -> &str {
    gitrepo.metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE)
}

/// The GitRepo of the command line: from its file, or made up.
pub(crate) fn gitrepo(args: &RepositoryArgs) -> Result<GitRepo, CliError> {
    args.gitrepo.as_deref().map_or_else(|| made_up(args), read_gitrepo)
}

/// The message of a note, and what to do about it.
pub(crate) fn told(note: &Note) -> String {
    format!("{} ({})", note.message, note.remedy())
}

fn made_up(args: &RepositoryArgs) -> Result<GitRepo, CliError> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => {
            let path =
                args.path.canonicalize().map_err(|e| CliError::Failed(format!("{}: {e}", args.path.display())))?;
            path.file_name().map_or_else(|| "repo".to_owned(), |name| name.to_string_lossy().into_owned())
        }
    };
    let mut gitrepo = GitRepo::default();
    gitrepo.metadata.name = Some(name);
    gitrepo.metadata.namespace = Some(DEFAULT_NAMESPACE.to_owned());
    // Without a GitRepo there is no word about clusters: all of them.
    let all = TargetSelector { name: "all".into(), cluster_selector: Some(Default::default()), ..Default::default() };
    gitrepo.spec.targets = vec![all];
    Ok(gitrepo)
}

fn read_gitrepo(file: &Path) -> Result<GitRepo, CliError> {
    let mut found = objects(file)?.into_iter().filter(|object| object["kind"] == "GitRepo");
    let (Some(object), None) = (found.next(), found.next()) else {
        return Err(CliError::Failed(format!("{}: exactly one GitRepo is expected", file.display())));
    };
    let mut gitrepo: GitRepo = typed(file, object)?;
    if gitrepo.metadata.name.as_deref().unwrap_or_default().is_empty() {
        return Err(CliError::Failed(format!("{}: the GitRepo has no metadata.name", file.display())));
    }
    gitrepo.metadata.namespace.get_or_insert_with(|| DEFAULT_NAMESPACE.to_owned());
    Ok(gitrepo)
}

/// All objects in a file of YAML, Lists expanded.
pub(crate) fn objects(file: &Path) -> Result<Vec<Value>, CliError> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| CliError::Failed(format!("{name}: {error}")))?;
    let documents = k8s_yaml::from_bytes(&bytes, &k8s_yaml::Options::sigs())
        .map_err(|error| CliError::Failed(error.in_file(&name)))?;
    let mut objects = Vec::new();
    for document in documents.iter().filter(|document| !document.empty) {
        let value = document.node.to_json().map_err(|error| CliError::Failed(error.in_file(&name)))?;
        match (value["kind"].as_str(), value["items"].as_array()) {
            (Some(kind), Some(items)) if kind.ends_with("List") => objects.extend(items.iter().cloned()),
            (Some(_), _) => objects.push(value),
            (None, _) => {
                return Err(CliError::Failed(format!(
                    "{name}:{}: an object with a kind is expected",
                    document.position
                )));
            }
        }
    }
    Ok(objects)
}

/// An object of a file as its type.
pub(crate) fn typed<T: DeserializeOwned>(file: &Path, mut object: Value) -> Result<T, CliError> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
        // A Cluster without a spec is a Cluster.
        object.entry("spec").or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
    serde_json::from_value(without_nulls(object))
        .map_err(|error| CliError::Failed(format!("{}: {kind} {name}: {error}", file.display())))
}

/// Null is as if absent for the API server's types.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// `Err` with all of `errors`, if there are any.
pub(crate) fn all_or_nothing(errors: Vec<String>) -> Result<(), CliError> {
    if errors.is_empty() { Ok(()) } else { Err(CliError::Many(errors)) }
}
