//! `replacements`: a value of one object copied into fields of others.
//!
//! kustomize: api/filters/replacement/replacement.go, api/types/replacement.go.

mod field_path;
mod structured;

use crate::Error;
use crate::decode::{Decode, Rules, first_document};
use crate::id::{Pattern, ResId};
use crate::kustomization::{FieldOptions, ReplacementEntry, SourceFields, TargetFields};
use crate::loader::Loader;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::selector::{Matcher, Selector};
use crate::transform::Told;
use crate::yaml::{Kind, Node};

/// `replacements` of a kustomization, or of a `ReplacementTransformer`.
#[derive(Debug)]
pub(crate) struct Replacements(Vec<Replacement>);

impl Replacements {
    /// Takes over the entries, and reads those that are files: each a replacement or a list of them.
    ///
    /// kustomize: api/internal/builtins/ReplacementTransformer.go.
    ///
    /// # Errors
    /// A file beside a replacement in one entry; a file that cannot be read or holds something else; as
    /// [`Replacement::new`].
    pub(crate) fn read(entries: Vec<ReplacementEntry>, loader: &Loader<'_>) -> Result<Self, Error> {
        let mut replacements = Vec::new();
        for (at, mut entry) in entries.into_iter().enumerate() {
            // An empty list does not survive the way into the transformer.
            entry.targets = entry.targets.filter(|targets| !targets.is_empty());
            let inside = |error: Error| error.in_field(&format!("replacements[{at}]"));
            if entry.path.is_empty() {
                replacements.push(Replacement::new(entry).map_err(inside)?);
            } else if entry.source.is_some() || entry.targets.is_some() {
                return Err(inside(Error::new("cannot specify both path and inline replacement")));
            } else {
                let read = read_file(&entry.path, loader);
                replacements.extend(read.map_err(|error| inside(error.in_file(loader.shown(&entry.path))))?);
            }
        }
        Ok(Self(replacements))
    }

    /// Makes all replacements, one after the other; targets that no object is, and comments that are lost, are told in words.
    ///
    /// # Errors
    /// The source is not exactly one object, a field is not there, a delimiter for something that is no text; with the
    /// number of the replacement.
    pub(crate) fn transform(&self, map: &mut ResMap, told: &mut Told) -> Result<(), Error> {
        for (number, replacement) in self.0.iter().enumerate() {
            let made = replacement.apply(map.resources_mut(), told);
            made.map_err(|error| error.context(format!("replacements[{number}]")))?;
        }
        map.drop_gone();
        Ok(())
    }
}

fn read_file(path: &str, loader: &Loader<'_>) -> Result<Vec<Replacement>, Error> {
    let text = loader.load_text(path)?;
    let node = first_document(&text, &k8s_yaml::Options::sigs())?;
    let rules = Rules::PLUGIN;
    let (entries, lines) = match node.as_ref() {
        Some(list) if let Some(items) = list.as_list() => {
            let lines = items.iter().map(|item| item.position.line).collect();
            (Vec::<ReplacementEntry>::decode(list, rules)?, lines)
        }
        Some(one) if one.as_mapping().is_some() => {
            (vec![ReplacementEntry::decode(one, rules)?], vec![one.position.line])
        }
        Some(other) => {
            let message = format!("expected a replacement or a list of them, found {}", other.kind_name());
            return Err(Error::new(message).at_line(other.position.line));
        }
        None => return Err(Error::new("the file holds no replacement").at_line(1)),
    };
    let entries = entries.into_iter().zip(lines.into_iter().chain(std::iter::repeat(1)));
    entries.map(|(entry, line): (_, u32)| Replacement::new(entry).map_err(|error| error.at_line(line))).collect()
}

/// One replacement.
#[derive(Debug)]
struct Replacement {
    source: Source,
    targets: Vec<Target>,
}

/// Where the value comes from.
#[derive(Debug)]
enum Source {
    Text(String),
    Field(SourceFields),
}

impl Replacement {
    /// # Errors
    /// There is no source, there are two, there is no list of targets, a target selects nothing or by what is no selector.
    fn new(entry: ReplacementEntry) -> Result<Self, Error> {
        let missing = || Error::new("replacements must specify a source and at least one target");
        let source = match (entry.source, entry.source_value) {
            (Some(_), Some(_)) => return Err(Error::new("value and resource selectors are mutually exclusive")),
            (Some(source), None) => Source::Field(source),
            (None, Some(text)) => Source::Text(text),
            (None, None) => return Err(missing()),
        };
        let targets = entry.targets.ok_or_else(missing)?;
        let targets = targets.into_iter().map(|target| Target::new(target.unwrap_or_default()));
        Ok(Self { source, targets: targets.collect::<Result<_, _>>()? })
    }

    fn apply(&self, resources: &mut [Resource], told: &mut Told) -> Result<(), Error> {
        let mut value = match &self.source {
            Source::Text(text) => Value { node: Node::scalar(text.as_str()), read_from: None },
            Source::Field(source) => read_source(source, resources)?,
        };
        for target in &self.targets {
            if !target.apply(resources, &mut value, &mut told.warnings)? {
                told.idle.push(format!(
                    "no object is the target of a replacement ({}), which changes nothing",
                    target.shown
                ));
            }
        }
        Ok(())
    }
}

const DEFAULT_FIELD: &str = "metadata.name";

/// As much is copied at once: copies of what holds copies come to a million in twenty replacements.
const MAX_COPIED: usize = 2_000_000;

/// The value that is copied.
struct Value {
    node: Node,
    /// The object and path that it is one with: what changes there changes the value, too.
    read_from: Option<(usize, Vec<String>)>,
}

impl Value {
    fn follow(&mut self, changed: usize, resource: &Resource) {
        if let Some((at, path)) = &self.read_from
            && *at == changed
            && let Ok(Some(node)) = resource.node.lookup(path)
        {
            self.node = node.clone();
        }
    }
}

fn read_source(source: &SourceFields, resources: &[Resource]) -> Result<Value, Error> {
    let at = find_source(source, resources)?;
    let field = if source.field_path.is_empty() { DEFAULT_FIELD } else { &source.field_path };
    let path = field_path::split(field);
    let looked_up = resources.get(at).map_or(Ok(None), |resource| resource.node.lookup(&path));
    let node = looked_up
        .map_err(|error| error.context("error looking up replacement source"))?
        .filter(|node| !node.is_nil_or_empty())
        .ok_or_else(|| {
            Error::new(format!("fieldPath `{field}` is missing for replacement source {}", shown(source)))
        })?;
    match source.options.as_ref().filter(|options| !options.delimiter.is_empty()) {
        Some(options) => Ok(Value { node: part_of(node, options)?, read_from: None }),
        None => Ok(Value { node: node.clone(), read_from: Some((at, path)) }),
    }
}

fn find_source(source: &SourceFields, resources: &[Resource]) -> Result<usize, Error> {
    let pattern = pattern(source);
    let selects = |resource: &Resource| resource.all_ids().iter().any(|id| is_source(id, source, &pattern));
    let mut found = resources.iter().enumerate().filter(|(_, resource)| selects(resource));
    match (found.next(), found.next()) {
        (Some((at, _)), None) => Ok(at),
        (Some(_), Some(_)) => Err(Error::new(format!("multiple matches for selector {}", shown(source)))),
        (None, _) => Err(Error::new(format!("nothing selected by {}", shown(source)))),
    }
}

/// Go: `ResId.IsSelectedBy`, with ids that know nothing of scopes.
fn is_source(id: &ResId, source: &SourceFields, pattern: &Pattern) -> bool {
    let namespace = if id.namespace.is_empty() { "default" } else { &id.namespace };
    (source.name.is_empty() || source.name == *id.name)
        && (source.namespace.is_empty() || source.namespace == namespace)
        && id.gvk.is_selected(pattern)
}

fn pattern(source: &SourceFields) -> Pattern {
    Pattern { group: source.group.clone(), version: source.version.clone(), kind: source.kind.clone() }
}

fn shown(source: &SourceFields) -> String {
    let or = |text: &'static str, part: &str| if part.is_empty() { text.to_owned() } else { part.to_owned() };
    format!("{}/{}.{}", pattern(source), or("[noName]", &source.name), or("[noNs]", &source.namespace))
}

const ONLY_SCALARS: &str = "delimiter option can only be used with scalar nodes";

/// The part of a source.
fn part_of(node: &Node, options: &FieldOptions) -> Result<Node, Error> {
    if node.kind() != Kind::Scalar {
        return Err(Error::new(ONLY_SCALARS).at_line(node.line));
    }
    let index = usize::try_from(options.index).ok();
    let part = index.and_then(|index| split(node.text(), &options.delimiter).into_iter().nth(index));
    let part = part.ok_or_else(|| {
        Error::new(format!("options.index {} is out of bounds for value {}", options.index, node.text()))
    })?;
    let mut node = node.clone();
    node.set_text(part);
    Ok(node)
}

/// The text of a target with a part of it replaced; an index before the first or after the last part adds one.
fn with_part(target: &str, value: &str, options: &FieldOptions) -> String {
    let mut parts = split(target, &options.delimiter);
    match usize::try_from(options.index) {
        Err(_) => parts.insert(0, value),
        Ok(index) => match parts.get_mut(index) {
            Some(part) => *part = value,
            None => parts.push(value),
        },
    }
    parts.join(&options.delimiter)
}

fn split<'a>(text: &'a str, delimiter: &str) -> Vec<&'a str> {
    text.split(delimiter).collect()
}

/// Fields of any number of objects.
#[derive(Debug)]
struct Target {
    select: Matcher,
    /// What it selects, in words.
    shown: String,
    reject: Vec<(Selector, Matcher)>,
    paths: Vec<(String, Vec<String>)>,
    options: FieldOptions,
}

impl Target {
    fn new(fields: TargetFields) -> Result<Self, Error> {
        let Some(select) = fields.select else { return Err(Error::new("target must specify resources to select")) };
        let reject = fields.reject.into_iter().flatten().map(Selector::from);
        let paths = fields.field_paths.filter(|paths| !paths.is_empty());
        let paths = paths.unwrap_or_else(|| vec![DEFAULT_FIELD.to_owned()]);
        let split = |path: String| {
            let parts = field_path::split(&path);
            (path, parts)
        };
        let select = Selector::from(select);
        Ok(Self {
            select: select.compile()?,
            shown: select.to_string(),
            reject: reject.map(|selector| Ok((selector.clone(), selector.compile()?))).collect::<Result<_, Error>>()?,
            paths: paths.into_iter().map(split).collect(),
            options: fields.options.unwrap_or_default(),
        })
    }

    /// Whether there is an object that it is for.
    fn apply(&self, resources: &mut [Resource], value: &mut Value, warnings: &mut Vec<String>) -> Result<bool, Error> {
        let mut found = false;
        for (at, resource) in resources.iter_mut().enumerate() {
            if !self.selects(resource) {
                continue;
            }
            found = true;
            for (field, path) in &self.paths {
                let about = |resource: &Resource| resource.current_id().to_string();
                let uncommented = self
                    .copy_to(resource, field, path, &value.node)
                    .map_err(|error| error.about_field(field).context(about(resource)))?;
                if uncommented {
                    warnings.push(format!(
                        "{}: a replacement rewrites the text in which {field} lies, and its comments are lost",
                        about(resource)
                    ));
                }
                value.follow(at, resource);
            }
        }
        Ok(found)
    }

    /// Whether the target selects the object and does not reject it, by any of its names.
    fn selects(&self, resource: &Resource) -> bool {
        let ids = resource.all_ids();
        let by_id = |matcher: &Matcher, id: &ResId| {
            matcher.matches_gvk(&id.gvk) && matcher.matches_name(&id.name) && matcher.matches_namespace(&id.namespace)
        };
        let rejects = |selector: &Selector, matcher: &Matcher| {
            let has_labels = !selector.labels.is_empty() || !selector.annotations.is_empty();
            let has_id =
                selector.pattern != Pattern::default() || !selector.name.is_empty() || !selector.namespace.is_empty();
            (has_labels && matcher.matches_metadata(resource)) || (has_id && ids.iter().any(|id| by_id(matcher, id)))
        };
        self.select.matches_metadata(resource)
            && ids.iter().any(|id| by_id(&self.select, id))
            && !self.reject.iter().any(|(selector, matcher)| rejects(selector, matcher))
    }

    /// Whether comments of a text were lost.
    fn copy_to(&self, resource: &mut Resource, field: &str, path: &[String], value: &Node) -> Result<bool, Error> {
        if value.size() > MAX_COPIED {
            let message = format!("a replacement copies at most {MAX_COPIED} bytes, and this one would copy more");
            return Err(Error::new(message));
        }
        let create = self.options.create.then(|| value.kind());
        let doing = if create.is_some() { "find or create" } else { "find" };
        let missing = || format!("unable to {doing} field {field:?} in replacement target");
        let mut uncommented = false;
        resource.change(|node| {
            match structured::set(node, path, value, create) {
                structured::Done::Set => return Ok(()),
                structured::Done::SetWithoutComments => {
                    uncommented = true;
                    return Ok(());
                }
                structured::Done::Nothing => {}
            }
            match field_path::visit(node, path, create, &mut |place| self.set(place, value)) {
                Ok(0) => Err(Error::new(missing())),
                Ok(_) => Ok(()),
                Err(error) => Err(error.context(missing())),
            }
        })?;
        Ok(uncommented)
    }

    /// A scalar takes over the text alone, and keeps its type; anything else is replaced.
    fn set(&self, place: &mut Node, value: &Node) -> Result<(), Error> {
        let scalar = place.kind() == Kind::Scalar;
        let mut value = value.clone();
        if !self.options.delimiter.is_empty() {
            if !scalar {
                return Err(Error::new(ONLY_SCALARS).at_line(place.line));
            }
            let part = if value.is_null() { "" } else { value.text() };
            let text = with_part(place.text(), part, &self.options);
            value = Node::scalar(text);
        }
        if scalar {
            place.set_text(value.text());
        } else {
            *place = value;
        }
        Ok(())
    }
}
