//! The command line of `helm template`. Helm: `pkg/cmd/template.go`, `install.go`, `flags.go`; Go: `spf13/pflag`.

/// What `helm template` was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arguments {
    /// The name of the release and the chart, or the chart alone.
    pub positional: Vec<String>,
    /// `-n`.
    pub namespace: String,
    /// `-f`, in order.
    pub values_files: Vec<String>,
    /// `--set`, in order.
    pub set: Vec<String>,
    /// `--set-string`, in order.
    pub set_string: Vec<String>,
    /// `--set-json`, in order.
    pub set_json: Vec<String>,
    /// `--set-file`, in order.
    pub set_file: Vec<String>,
    /// `--set-literal`, in order.
    pub set_literal: Vec<String>,
    /// `--kube-version`.
    pub kube_version: Option<String>,
    /// `-a`, in order.
    pub api_versions: Vec<String>,
    /// `-s`, in order.
    pub show_only: Vec<String>,
    /// `--output-dir`.
    pub output_dir: String,
    /// `--name-template`.
    pub name_template: String,
    /// `-g`.
    pub generate_name: bool,
    /// `--include-crds`.
    pub include_crds: bool,
    /// `--no-hooks`.
    pub no_hooks: bool,
    /// `--skip-tests`.
    pub skip_tests: bool,
    /// `--is-upgrade`.
    pub is_upgrade: bool,
    /// `--release-name`.
    pub use_release_name: bool,
    /// `--skip-schema-validation`.
    pub skip_schema_validation: bool,
    /// `--render-subchart-notes`.
    pub render_subchart_notes: bool,
    /// `-h`.
    pub help: bool,
    /// Flags that are known and have no effect here.
    pub ignored: Vec<String>,
}

/// What a flag takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Nothing, or `=true` and `=false`.
    Switch,
    /// A value.
    Value,
    /// Perhaps a value, with `=` alone.
    Maybe,
}

/// Long name, short name, what it takes. Those that are not applied in [`Arguments::apply`] have no effect.
const FLAGS: &[(&str, Option<char>, Takes)] = &[
    // Those of `helm template`.
    ("api-versions", Some('a'), Takes::Value),
    ("dry-run", None, Takes::Maybe),
    ("include-crds", None, Takes::Switch),
    ("is-upgrade", None, Takes::Switch),
    ("kube-version", None, Takes::Value),
    ("output-dir", None, Takes::Value),
    ("release-name", None, Takes::Switch),
    ("show-only", Some('s'), Takes::Value),
    ("skip-tests", None, Takes::Switch),
    ("validate", None, Takes::Switch),
    // Those of `helm install`.
    ("atomic", None, Takes::Switch),
    ("create-namespace", None, Takes::Switch),
    ("dependency-update", None, Takes::Switch),
    ("description", None, Takes::Value),
    ("devel", None, Takes::Switch),
    ("disable-openapi-validation", None, Takes::Switch),
    ("enable-dns", None, Takes::Switch),
    ("force", None, Takes::Switch),
    ("force-conflicts", None, Takes::Switch),
    ("force-replace", None, Takes::Switch),
    ("generate-name", Some('g'), Takes::Switch),
    ("hide-notes", None, Takes::Switch),
    ("labels", Some('l'), Takes::Value),
    ("name-template", None, Takes::Value),
    ("no-hooks", None, Takes::Switch),
    ("render-subchart-notes", None, Takes::Switch),
    ("replace", None, Takes::Switch),
    ("rollback-on-failure", None, Takes::Switch),
    ("server-side", None, Takes::Switch),
    ("skip-crds", None, Takes::Switch),
    ("skip-schema-validation", None, Takes::Switch),
    ("take-ownership", None, Takes::Switch),
    ("timeout", None, Takes::Value),
    ("wait", None, Takes::Maybe),
    ("wait-for-jobs", None, Takes::Switch),
    // Values.
    ("set", None, Takes::Value),
    ("set-file", None, Takes::Value),
    ("set-json", None, Takes::Value),
    ("set-literal", None, Takes::Value),
    ("set-string", None, Takes::Value),
    ("values", Some('f'), Takes::Value),
    // Where charts come from.
    ("ca-file", None, Takes::Value),
    ("cert-file", None, Takes::Value),
    ("insecure-skip-tls-verify", None, Takes::Switch),
    ("key-file", None, Takes::Value),
    ("keyring", None, Takes::Value),
    ("pass-credentials", None, Takes::Switch),
    ("password", None, Takes::Value),
    ("plain-http", None, Takes::Switch),
    ("username", None, Takes::Value),
    ("version", None, Takes::Value),
    // Those of every command of Helm.
    ("burst-limit", None, Takes::Value),
    ("color", None, Takes::Value),
    ("colour", None, Takes::Value),
    ("content-cache", None, Takes::Value),
    ("debug", None, Takes::Switch),
    ("help", Some('h'), Takes::Switch),
    ("kube-apiserver", None, Takes::Value),
    ("kube-as-group", None, Takes::Value),
    ("kube-as-user", None, Takes::Value),
    ("kube-ca-file", None, Takes::Value),
    ("kube-context", None, Takes::Value),
    ("kube-insecure-skip-tls-verify", None, Takes::Switch),
    ("kube-tls-server-name", None, Takes::Value),
    ("kube-token", None, Takes::Value),
    ("kubeconfig", None, Takes::Value),
    ("namespace", Some('n'), Takes::Value),
    ("qps", None, Takes::Value),
    ("registry-config", None, Takes::Value),
    ("repository-cache", None, Takes::Value),
    ("repository-config", None, Takes::Value),
];

/// Flags that would change the output and cannot be had here, with what to do instead.
const REFUSED: &[(&str, &str)] = &[
    (
        "repo",
        "charts are read from directories and packages; fetch the chart first, or name the repository in fleet.yaml",
    ),
    ("post-renderer", "plugins are not run; put a kustomization over the chart in fleet.yaml"),
    ("post-renderer-args", "plugins are not run; put a kustomization over the chart in fleet.yaml"),
    ("verify", "signatures are not checked"),
];

impl Arguments {
    /// Reads the words behind `helm template`.
    ///
    /// # Errors
    /// A flag that is unknown, has no value, or one that is none, in the words of Helm.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let mut this = Self { namespace: "default".to_owned(), ..Self::default() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                this.positional.extend(words.by_ref().cloned());
            } else if let Some(long) = word.strip_prefix("--") {
                this.long(long, &mut words)?;
            } else if let Some(short) = word.strip_prefix('-').filter(|short| !short.is_empty()) {
                this.short(short, &mut words)?;
            } else {
                this.positional.push(word.clone());
            }
        }
        Ok(this)
    }

    fn long(&mut self, word: &str, words: &mut std::slice::Iter<'_, String>) -> Result<(), String> {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            return Err(format!("--{name} is not supported: {instead}"));
        }
        let Some((name, _, takes)) = FLAGS.iter().find(|(known, ..)| *known == name) else {
            return Err(format!("unknown flag: --{name}"));
        };
        let value = match (value, takes) {
            (Some(value), _) => value.to_owned(),
            (None, Takes::Switch) => "true".to_owned(),
            (None, Takes::Maybe) => String::new(),
            (None, Takes::Value) => words.next().cloned().ok_or_else(|| format!("flag needs an argument: --{name}"))?,
        };
        self.apply(name, *takes, value)
    }

    /// Short flags, of which several may stand in one word.
    fn short(&mut self, word: &str, words: &mut std::slice::Iter<'_, String>) -> Result<(), String> {
        let mut chars = word.chars();
        while let Some(c) = chars.next() {
            let Some((name, _, takes)) = FLAGS.iter().find(|(_, short, _)| *short == Some(c)) else {
                return Err(format!("unknown shorthand flag: {c:?} in -{word}"));
            };
            let rest = chars.as_str();
            let value = match (*takes, rest.strip_prefix('=')) {
                (_, Some(value)) => value.to_owned(),
                (Takes::Switch | Takes::Maybe, None) => {
                    self.apply(name, *takes, "true".to_owned())?;
                    continue;
                }
                (Takes::Value, None) if rest.is_empty() => {
                    words.next().cloned().ok_or_else(|| format!("flag needs an argument: {c:?} in -{word}"))?
                }
                (Takes::Value, None) => rest.to_owned(),
            };
            return self.apply(name, *takes, value);
        }
        Ok(())
    }

    fn apply(&mut self, name: &str, takes: Takes, value: String) -> Result<(), String> {
        let switch = match (takes, value.as_str()) {
            (Takes::Switch, "1" | "t" | "T" | "true" | "TRUE" | "True") => true,
            (Takes::Switch, "0" | "f" | "F" | "false" | "FALSE" | "False") => false,
            (Takes::Switch, _) => {
                return Err(format!(
                    "invalid argument {value:?} for \"--{name}\" flag: strconv.ParseBool: parsing {value:?}: invalid syntax"
                ));
            }
            _ => false,
        };
        match name {
            "api-versions" => self.api_versions.extend(comma_separated(&value)),
            "values" => self.values_files.extend(comma_separated(&value)),
            "set" => self.set.push(value),
            "set-string" => self.set_string.push(value),
            "set-json" => self.set_json.push(value),
            "set-file" => self.set_file.push(value),
            "set-literal" => self.set_literal.push(value),
            "show-only" => self.show_only.push(value),
            "kube-version" => self.kube_version = Some(value).filter(|version| !version.is_empty()),
            "namespace" => self.namespace = value,
            "output-dir" => self.output_dir = value,
            "name-template" => self.name_template = value,
            "generate-name" => self.generate_name = switch,
            "include-crds" => self.include_crds = switch,
            "no-hooks" => self.no_hooks = switch,
            "skip-tests" => self.skip_tests = switch,
            "is-upgrade" => self.is_upgrade = switch,
            "release-name" => self.use_release_name = switch,
            "skip-schema-validation" => self.skip_schema_validation = switch,
            "render-subchart-notes" => self.render_subchart_notes = switch,
            "help" => self.help = switch,
            other => self.ignored.push(other.to_owned()),
        }
        Ok(())
    }
}

/// The fields of one line of CSV. Go: `pflag`'s `StringSlice`.
fn comma_separated(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let Some(field) = fields.last_mut() else { break };
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    if text.is_empty() { Vec::new() } else { fields }
}
