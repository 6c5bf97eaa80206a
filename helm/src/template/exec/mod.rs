//! The execution of trees. Go: `text/template/exec.go`.

mod args;
mod call;
mod eval;
mod field;
pub(super) mod reflect;
mod walk;
mod work;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::error::ExecError;
use super::function::TextError;
use super::parse::{self, Expr, Node, Pipe, Position, Source, Tree, show};
use super::print::quote;
use super::set::Templates;
use crate::stack::deeper;
use crate::value::{Str, Value};
use reflect::Reflect;

/// What a field that a map does not have is. Go: the option `missingkey`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingKey {
    /// Nothing, printed `<no value>`.
    #[default]
    Invalid,
    /// The zero value of the map's element type.
    Zero,
    /// An error.
    Error,
}

/// How far an execution may go. Each limit is named in the error of whoever reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nodes executed, functions called and values ranged over, in one [`Run`]; long arguments of functions count, too.
    pub steps: u64,
    /// Bytes written and made by functions, in one [`Run`]. Values in lists and maps count for 16 bytes and more.
    pub bytes: u64,
    /// Templates within templates.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 20_000_000, bytes: 256 << 20, depth: 10_000 }
    }
}

/// How much of [`Limits`] was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    steps: u64,
    bytes: u64,
}

/// How templates are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// What a missing key is.
    pub missing_key: MissingKey,
    /// The limits.
    pub limits: Limits,
}

/// Templates visible in a text given to `tpl`, before those of what is around it.
#[derive(Debug)]
struct Scope {
    trees: BTreeMap<Arc<str>, Arc<Tree>>,
    outer: Option<Rc<Scope>>,
}

/// The texts given to `tpl` that stay parsed for the rest of a run, which mostly repeats them.
const REMEMBERED_TEXTS: usize = 1_000;

type Trees = BTreeMap<Arc<str>, Arc<Tree>>;

/// Executions of templates that count against the same limits: the files of one chart, say.
pub struct Run<'e> {
    templates: &'e Templates,
    options: Options,
    environment: &'e dyn Any,
    scope: Option<Rc<Scope>>,
    /// What is written, one behind the other: the file, and within it what an `include` is about to take.
    output: Vec<u8>,
    steps: u64,
    bytes: u64,
    calls: u64,
    depth: usize,
    texts: BTreeMap<Str, Rc<Trees>>,
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("steps", &self.steps).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl<'e> Run<'e> {
    /// Prepares to execute templates of a set. `environment` is for functions, which ask for it by its type.
    pub fn new(templates: &'e Templates, options: Options, environment: &'e dyn Any) -> Self {
        Self {
            templates,
            options,
            environment,
            scope: None,
            output: Vec::new(),
            steps: 0,
            bytes: 0,
            calls: 0,
            depth: 0,
            texts: BTreeMap::new(),
        }
    }

    /// Counts what other runs have spent against the [`Limits`], too: those of one render are for all of its texts.
    #[must_use]
    pub fn after(mut self, spent: Spent) -> Self {
        (self.steps, self.bytes) = (spent.steps, spent.bytes);
        self
    }

    /// What was spent so far, with what was before ([`Run::after`]).
    pub fn spent(&self) -> Spent {
        Spent { steps: self.steps, bytes: self.bytes }
    }

    /// Executes a template by its name and returns what it wrote. Go: `Template.ExecuteTemplate`.
    ///
    /// # Errors
    ///
    /// There is no such template, it failed, or it reached one of the [`Limits`].
    pub fn execute(&mut self, name: &str, data: &Value) -> Result<Vec<u8>, ExecError> {
        let start = self.output.len();
        let done = self.write_template(name, data);
        let output = done.map(|()| self.output.get(start..).unwrap_or_default().to_vec());
        self.output.truncate(start);
        output
    }

    /// As [`Run::execute`], for a function: what it writes goes behind the output so far and is cut off again.
    fn include(&mut self, name: &str, data: &Value) -> Result<Str, ExecError> {
        let start = self.output.len();
        let done = self.write_template(name, data);
        self.cut(start, done)
    }

    /// What was written from `start` on, if all went well.
    fn cut(&mut self, start: usize, done: Result<(), ExecError>) -> Result<Str, ExecError> {
        let made = done.map(|()| Str::of(self.output.get(start..).unwrap_or_default()));
        self.output.truncate(start);
        made
    }

    fn write_template(&mut self, name: &str, data: &Value) -> Result<(), ExecError> {
        let Some(tree) = self.lookup(name) else {
            return Err(ExecError::plain(format!(
                "template: no template {} associated with template {}",
                quote(name.as_bytes()),
                quote(self.templates.name().as_bytes())
            )));
        };
        self.execute_tree(&tree, data)
    }

    /// The template of this name: the innermost one.
    fn lookup(&self, name: &str) -> Option<Arc<Tree>> {
        let mut scope = self.scope.as_ref();
        while let Some(here) = scope {
            if let Some(tree) = here.trees.get(name) {
                return Some(tree.clone());
            }
            scope = here.outer.as_ref();
        }
        self.templates.get(name).cloned()
    }

    fn execute_tree(&mut self, tree: &Tree, data: &Value) -> Result<(), ExecError> {
        if self.depth >= self.options.limits.depth {
            let text =
                format!("template: {}: exceeded maximum template depth ({})", tree.name, self.options.limits.depth);
            return Err(ExecError::located(text));
        }
        self.run_tree(tree, Reflect::of(data.clone()))
    }

    /// Runs a template within the ones that are under way; who calls has looked at the limit.
    fn run_tree(&mut self, tree: &Tree, dot: Reflect) -> Result<(), ExecError> {
        self.depth += 1;
        let done = deeper(|| State::new(self, tree, dot).run());
        self.depth -= 1;
        done
    }

    /// Parses a text in the current scope and executes it there.
    fn execute_text(&mut self, text: &Str, data: &Value) -> Result<Str, TextError> {
        if memchr::memmem::find(text.as_bytes(), b"{{").is_none() {
            return Ok(text.clone());
        }
        let name = self.templates.name().clone();
        let trees = self.parsed(&name, text)?;
        let Some(main) = trees.get(&name).cloned() else { return Ok(Str::of(b"")) };
        let mut visible = Trees::new();
        for (name, tree) in trees.iter() {
            if !(tree.is_empty() && self.lookup(name).is_some()) {
                visible.insert(name.clone(), tree.clone());
            }
        }
        let outer = self.scope.take();
        self.scope = Some(Rc::new(Scope { trees: visible, outer: outer.clone() }));
        let start = self.output.len();
        let done = self.execute_tree(&main, data);
        self.scope = outer;
        self.cut(start, done).map_err(TextError::Execute)
    }

    fn parsed(&mut self, name: &Arc<str>, text: &Str) -> Result<Rc<Trees>, TextError> {
        if let Some(trees) = self.texts.get(text) {
            return Ok(trees.clone());
        }
        let trees =
            parse::parse(name, &text.as_bytes().into(), self.templates.functions(), self.templates.delimiters())
                .map_err(TextError::Parse)?;
        let trees = Rc::new(trees);
        if self.texts.len() < REMEMBERED_TEXTS {
            self.texts.insert(text.clone(), trees.clone());
        }
        Ok(trees)
    }

    fn too_many_steps(&self) -> String {
        format!("more than {} steps (the limit of a render)", self.options.limits.steps)
    }

    /// Counts bytes against the limit.
    fn count_bytes(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.bytes > self.options.limits.bytes {
            return Err(format!(
                "the templates make more than {} bytes (the limit of a render)",
                self.options.limits.bytes
            ));
        }
        Ok(())
    }
}

/// The node at which the execution is, for errors.
#[derive(Clone, Copy)]
enum At<'t> {
    Start,
    Node(&'t Node),
    Pipe(&'t Pipe),
    Command(&'t parse::Command),
    Expr(&'t Expr),
}

impl At<'_> {
    fn position(self, source: &Source) -> Position {
        match self {
            Self::Start => 0,
            Self::Node(node) => node.position(source),
            Self::Pipe(pipe) => pipe.position,
            Self::Command(command) => source.operands(command.args).first().map_or(0, |expr| expr.position(source)),
            Self::Expr(expr) => expr.position(source),
        }
    }

    fn show(self, source: &Source) -> String {
        match self {
            Self::Start => String::new(),
            Self::Node(node) => show(source, node),
            Self::Pipe(pipe) => show(source, pipe),
            Self::Command(command) => show(source, command),
            Self::Expr(expr) => show(source, expr),
        }
    }
}

/// The execution of one template. Go: `state`.
struct State<'s, 't, 'e> {
    run: &'s mut Run<'e>,
    tree: &'t Tree,
    at: At<'t>,
    /// The stack of variables.
    variables: Vec<(&'t str, Reflect)>,
}

type Result<T, E = ExecError> = std::result::Result<T, E>;

impl<'s, 't, 'e> State<'s, 't, 'e> {
    fn new(run: &'s mut Run<'e>, tree: &'t Tree, dot: Reflect) -> Self {
        Self { run, tree, at: At::Start, variables: vec![("$", dot)] }
    }

    fn run(mut self) -> Result<()> {
        let dot = self.variables.first().map_or(Reflect::Invalid, |(_, dot)| dot.clone());
        self.walk_all(&dot, self.tree.root).map(|_| ())
    }

    fn source(&self) -> &'t Source {
        &self.tree.source
    }

    /// The part of an error before its message. Go: `state.errorf`.
    fn location(&self) -> String {
        let name = &self.tree.name;
        let source = self.source();
        let (line, column) = source.line_and_column(self.at.position(source));
        let (file, at) = (&source.name, self.at.show(source));
        format!("template: {file}:{line}:{column}: executing {} at <{at}>: ", quote(name.as_bytes()))
    }

    fn error<T>(&self, message: impl fmt::Display) -> Result<T> {
        Err(ExecError::located(format!("{}{message}", self.location())))
    }

    /// Counts a step against the limit.
    fn step(&mut self) -> Result<()> {
        self.run.steps += 1;
        if self.run.steps > self.run.options.limits.steps {
            return self.error(self.run.too_many_steps());
        }
        Ok(())
    }
}
