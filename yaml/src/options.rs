//! How a text is to be read: whose rules, what to do with a key given twice, and how much is too much.

/// Whose rules for plain scalars, keys and merges are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// `sigs.k8s.io/yaml` 1.6 over go-yaml v2: manifests, Helm values, `fleet.yaml`. `yes`, `on` and `y` are booleans
    /// (as keys too), dates are strings, a later merge wins over an earlier key.
    #[default]
    Sigs,
    /// kyaml over go-yaml v3: files inside a kustomization. `yes`, `on` and `y` are strings, dates become RFC 3339
    /// times, a key of the mapping itself wins over a merged one.
    Kyaml,
}

/// What happens when a mapping holds a key twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuplicateKeys {
    /// The last value counts, as in Go's lenient reading; [`crate::Node::duplicates`] tells where.
    #[default]
    LastWins,
    /// The text is refused, as in Go's strict reading and in kyaml.
    Error,
}

/// How much one text may hold. Reading stops with an error that names the cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text. Default 64 MiB.
    pub bytes: usize,
    /// How deep lists and mappings may nest, aliases followed. Default 200; values are walked by recursion, so keep it
    /// below about 1,000.
    pub depth: usize,
    /// Nodes of the whole stream, aliases expanded. Default 8,000,000.
    pub nodes: usize,
    /// Nodes that come from aliases alone. Default 400,000, where go-yaml begins to refuse.
    pub alias_nodes: usize,
    /// Bytes of text that come from aliases alone. Default 16 MiB.
    pub alias_bytes: usize,
    /// Documents in the stream. Default 100,000.
    pub documents: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            depth: 200,
            nodes: 8_000_000,
            alias_nodes: 400_000,
            alias_bytes: 16 << 20,
            documents: 100_000,
        }
    }
}

/// How a text is to be read. [`Options::default`] is [`Options::sigs`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whose rules.
    pub mode: Mode,
    /// What a key given twice means.
    pub duplicate_keys: DuplicateKeys,
    /// How much is too much.
    pub limits: Limits,
}

impl Options {
    /// As Kubernetes, Helm and Fleet read: lenient `sigs.k8s.io/yaml`.
    #[must_use]
    pub fn sigs() -> Self {
        Self::default()
    }

    /// As `sigs.k8s.io/yaml`'s `UnmarshalStrict`: a key given twice is an error.
    #[must_use]
    pub fn strict() -> Self {
        Self { duplicate_keys: DuplicateKeys::Error, ..Self::default() }
    }

    /// As kustomize reads: kyaml, where a key given twice is an error.
    #[must_use]
    pub fn kyaml() -> Self {
        Self { mode: Mode::Kyaml, duplicate_keys: DuplicateKeys::Error, ..Self::default() }
    }
}
