//! A chart with values, and what must come of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use file_tree::{MemoryTree, Mode};
use helm_rs::functions::Seed;
use helm_rs::template::Limits;
use helm_rs::{Chart, Options, Release, Values, render};

pub(crate) const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

/// The caps of these tests: small, for code that is not optimised.
pub(crate) const LIMITS: Limits = Limits { steps: 200_000, bytes: 4 << 20, depth: 500 };

/// Where the chart is.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Files of the directory `web`, by their paths in it.
    Files(Vec<(String, Mode, Vec<u8>)>),
    /// A package.
    Package(Vec<u8>),
}

/// What must come of a case.
#[derive(Debug, Clone)]
pub(crate) enum Want {
    /// An error with all of these in it, where `#` at the end of one stands for a number.
    Error(Vec<String>),
    /// A text of at least so many bytes, for what is large and allowed.
    Text(usize),
    /// Either a text, or an error with one of these in it, which are the places where it can be.
    Any(Vec<String>),
}

impl Want {
    /// What should be in an error and is not.
    pub(crate) fn missing(&self, error: &str) -> Option<String> {
        match self {
            Self::Error(parts) => parts.iter().find(|part| !holds(error, part)).cloned(),
            Self::Text(_) => Some("a text".to_owned()),
            Self::Any(places) => (!places.iter().any(|place| error.contains(place.as_str()))).then(|| places.join("|")),
        }
    }
}

fn holds(error: &str, part: &str) -> bool {
    match part.strip_suffix('#') {
        None => error.contains(part),
        Some(before) => {
            let mut found = error.match_indices(before).map(|(at, _)| at + before.len());
            found.any(|at| error[at..].starts_with(|c: char| c.is_ascii_digit()))
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) source: Source,
    /// The texts of files for `-f`.
    pub(crate) values: Vec<String>,
    /// Arguments of `--set`.
    pub(crate) set: Vec<String>,
    pub(crate) want: Want,
}

impl Case {
    /// A directory with a Chart.yaml of its own or the usual one.
    pub(crate) fn files(name: &str, files: &[(&str, &str)], want: &[&str]) -> Self {
        let mut all: Vec<_> =
            files.iter().map(|(path, text)| ((*path).to_owned(), Mode::Regular, text.as_bytes().to_vec())).collect();
        if !files.iter().any(|(path, _)| *path == "Chart.yaml") {
            all.push(("Chart.yaml".to_owned(), Mode::Regular, CHART.into()));
        }
        let want = Want::Error(want.iter().map(|part| (*part).to_owned()).collect());
        Self { name: name.to_owned(), source: Source::Files(all), values: Vec::new(), set: Vec::new(), want }
    }

    /// Links to other paths, relative to where they are.
    pub(crate) fn with_links(mut self, links: &[(&str, &str)]) -> Self {
        if let Source::Files(files) = &mut self.source {
            files.extend(links.iter().map(|(path, to)| ((*path).to_owned(), Mode::Symlink, to.as_bytes().to_vec())));
        }
        self
    }

    pub(crate) fn package(name: &str, bytes: Vec<u8>, want: &[&str]) -> Self {
        Self { source: Source::Package(bytes), ..Self::files(name, &[], want) }
    }

    pub(crate) fn with_values(mut self, text: &str) -> Self {
        self.values.push(text.to_owned());
        self
    }

    pub(crate) fn with_set(mut self, argument: &str) -> Self {
        self.set.push(argument.to_owned());
        self
    }

    pub(crate) fn called(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Gives a file other bytes, or makes it.
    pub(crate) fn replace(&mut self, path: &str, bytes: &[u8]) {
        if let Source::Files(files) = &mut self.source {
            files.retain(|(known, ..)| known != path);
            files.push((path.to_owned(), Mode::Regular, bytes.to_vec()));
        }
    }

    pub(crate) fn wanting(mut self, want: Want) -> Self {
        self.want = want;
        self
    }

    /// The text of all manifests, or the error; the outer error is a panic.
    pub(crate) fn run(&self) -> Result<Result<String, String>, String> {
        catch_unwind(AssertUnwindSafe(|| self.rendered())).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
        })
    }

    fn rendered(&self) -> Result<String, String> {
        let chart = self.chart()?;
        chart.check_installable().map_err(|error| error.to_string())?;
        let mut values = Values::new();
        for text in &self.values {
            values.merge(Values::from_yaml(text).map_err(|error| format!("failed to parse values: {error}"))?);
        }
        for argument in &self.set {
            values.set(argument).map_err(|error| format!("failed parsing --set data: {error}"))?;
        }
        let options = Options { limits: LIMITS, ..Options::new(Seed::new([7; 32]), 1_795_000_000) };
        let output = render(&chart, &Release::new("rel", "default"), &values, &options);
        let output = output.map_err(|error| error.to_string())?;
        let manifests = output.manifests.iter().map(|manifest| manifest.content.as_str());
        Ok(manifests.chain(output.hooks.iter().map(|hook| hook.content.as_str())).collect())
    }

    fn chart(&self) -> Result<Chart, String> {
        match &self.source {
            Source::Package(bytes) => Chart::from_package("web.tgz", bytes).map_err(|error| error.to_string()),
            Source::Files(files) => {
                let mut tree = MemoryTree::new();
                for (path, mode, bytes) in files {
                    tree.insert(&format!("web/{path}"), *mode, bytes.as_slice()).map_err(|error| error.to_string())?;
                }
                Chart::load(&tree, "web").map_err(|error| error.to_string())
            }
        }
    }
}
