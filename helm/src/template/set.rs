//! Sets of templates that can call each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::function::Functions;
use super::parse::{Delimiters, ParseError, Tree, parse};

/// Parsed templates by name, with the functions that they may call. Parsing happens once; sets can be shared between threads.
#[derive(Debug, Clone)]
pub struct Templates {
    name: Arc<str>,
    functions: Arc<dyn Functions>,
    delimiters: Delimiters,
    trees: BTreeMap<Arc<str>, Arc<Tree>>,
}

impl Templates {
    /// An empty set. Its name shows in errors about missing templates, and texts given to `tpl` are parsed under it.
    pub fn new(name: &str, functions: Arc<dyn Functions>) -> Self {
        Self { name: name.into(), functions, delimiters: Delimiters::default(), trees: BTreeMap::new() }
    }

    /// The same set with other delimiters for what is parsed from now on. Go: `Template.Delims`.
    #[must_use]
    pub fn with_delimiters(self, delimiters: Delimiters) -> Self {
        Self { delimiters, ..self }
    }

    /// Parses a text under a name, with all that it defines. A template that was there before is replaced, unless the new one
    /// is empty. Go: `Template.Parse`.
    ///
    /// # Errors
    ///
    /// The text is no template; the set is as it was.
    pub fn parse(&mut self, name: &str, text: impl Into<Arc<[u8]>>) -> Result<(), ParseError> {
        for (name, tree) in parse(&name.into(), &text.into(), &*self.functions, self.delimiters)? {
            if !(tree.is_empty() && self.trees.contains_key(&name)) {
                self.trees.insert(name, tree);
            }
        }
        Ok(())
    }

    /// The names of all templates, files and definitions, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.trees.keys().map(|name| &**name)
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn delimiters(&self) -> Delimiters {
        self.delimiters
    }

    pub(super) fn functions(&self) -> &dyn Functions {
        &*self.functions
    }

    pub(super) fn get(&self, name: &str) -> Option<&Arc<Tree>> {
        self.trees.get(name)
    }
}
