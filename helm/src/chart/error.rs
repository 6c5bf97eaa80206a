//! Why a chart cannot be loaded, in Helm's words where Helm has some.

/// Why a chart cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no Chart.yaml where a chart should be.
    #[error("unable to detect chart at {path}: there is no such file")]
    NoChart {
        /// Where Chart.yaml was looked for.
        path: String,
    },
    /// The files hold no Chart.yaml (or .helmignore hides it).
    #[error("Chart.yaml file is missing")]
    MissingChartYaml,
    /// An `apiVersion` that Helm's charts do not have.
    #[error("unsupported chart version")]
    UnsupportedVersion,
    /// `apiVersion: v3`, which Helm reads and does not render.
    #[error("invalid chart apiVersion")]
    InvalidVersion,
    /// A file that cannot be understood.
    #[error("cannot load {file}: {reason}")]
    Malformed {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Chart.yaml does not keep Helm's rules.
    #[error("validation: {0}")]
    Validation(String),
    /// A file that cannot be read.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A line of .helmignore.
    #[error("{0}")]
    Ignore(String),
    /// A file that is no packaged chart.
    #[error("file '{path}' {reason}")]
    NoArchive {
        /// The file.
        path: String,
        /// What it seems to be.
        reason: String,
    },
    /// A packaged chart that cannot be unpacked, or must not be.
    #[error("{0}")]
    Archive(String),
    /// A chart that is too large, too deep or has too many files.
    #[error("{what} is larger than the maximum of {limit}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// The cap.
        limit: u64,
    },
    /// A subchart that cannot be loaded.
    #[error("error unpacking subchart {name} in {parent}: {error}")]
    Subchart {
        /// Its name below `charts/`.
        name: String,
        /// The chart that holds it.
        parent: String,
        /// Why.
        error: Box<Self>,
    },
    /// A chart that only brings definitions for others.
    #[error("{kind} charts are not installable")]
    NotInstallable {
        /// Its type.
        kind: String,
    },
    /// Dependencies of Chart.yaml that are not below `charts/`.
    #[error(
        "an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to fetch \
         missing dependencies: found in Chart.yaml, but missing in charts/ directory: {}",
        names.join(", ")
    )]
    MissingDependencies {
        /// Their names.
        names: Vec<String>,
    },
}

impl Error {
    pub(super) fn file(path: &str, reason: &impl ToString) -> Self {
        Self::File { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(super) fn malformed(file: &str, reason: &impl ToString) -> Self {
        Self::Malformed { file: file.to_owned(), reason: reason.to_string() }
    }
}
