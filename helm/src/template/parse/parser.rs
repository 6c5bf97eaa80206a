//! From tokens to trees: templates and lists. Go: `text/template/parse/parse.go`.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::Arc;

use memchr::memmem::find_iter;

use super::lex::{Delimiters, Lexer};
use super::list::{Group, Id};
use super::literal;
use super::node::{Branch, Command, Expr, Node, Source, Tree, is_empty};
use super::token::{Item, Kind};
use crate::stack::deeper;
use crate::template::function::Functions;
use crate::template::print::quote;

/// How deep `if`, `with`, `range`, `block` and `else if` may nest. Go has no limit.
const MAX_BLOCKS: usize = 10_000;

/// For how many actions room is made at once.
const MAX_RESERVED: usize = 1_000;

/// How large a text may be: places in it are told in 32 bits.
const MAX_TEXT: usize = u32::MAX as usize;

/// A template that is not one. The text is Go's: `template: name:line: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    text: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ParseError {}

pub(super) type Result<T> = std::result::Result<T, ParseError>;

/// Parses a text into its templates: the text itself under its name, and what it defines.
pub(crate) fn parse(
    name: &Arc<str>,
    text: &Arc<[u8]>,
    functions: &dyn Functions,
    delimiters: Delimiters,
) -> Result<BTreeMap<Arc<str>, Arc<Tree>>> {
    if text.len() > MAX_TEXT {
        return Err(ParseError { text: format!("template: {name}:1: more than {MAX_TEXT} bytes (the limit)") });
    }
    let mut lexer = Lexer::new(text, delimiters);
    lexer.break_is_keyword = functions.get("break").is_none();
    lexer.continue_is_keyword = functions.get("continue").is_none();
    let mut parser = Parser {
        text,
        source: Source::new(name.clone(), text.clone(), find_iter(text, delimiters.left).take(MAX_RESERVED).count()),
        functions,
        lexer,
        frame: Frame::new(name.clone()),
        open: Open::default(),
        set: BTreeMap::new(),
        blocks: 0,
    };
    let root = parser.top()?;
    parser.add(root)?;
    parser.source.shrink();
    let source = Arc::new(parser.source);
    let tree = |(name, root): (Arc<str>, _)| (name.clone(), Arc::new(Tree { name, source: source.clone(), root }));
    Ok(parser.set.into_iter().map(tree).collect())
}

/// The end of a list: what stopped it.
enum End {
    End,
    Else,
}

impl End {
    fn show(&self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

/// A node, or the end of the list it would be in.
enum Step {
    Node(Node),
    End(End),
}

/// What Go keeps for each tree while it is parsed.
pub(super) struct Frame<'a> {
    name: Arc<str>,
    token: [Option<Item>; 3],
    peeked: usize,
    pub(super) variables: Vec<&'a [u8]>,
    /// Where the current action began; nothing outside of actions.
    action: Option<Item>,
    ranges: usize,
    pub(super) parentheses: usize,
}

impl Frame<'_> {
    fn new(name: Arc<str>) -> Self {
        Self { name, token: [None; 3], peeked: 0, variables: vec![&b"$"[..]], action: None, ranges: 0, parentheses: 0 }
    }
}

/// The parts of lists that have not come to their end: those of the innermost one stand last.
#[derive(Default)]
pub(super) struct Open {
    nodes: Vec<Node>,
    pub(super) commands: Vec<Command>,
    pub(super) operands: Vec<Expr>,
}

pub(super) struct Parser<'a> {
    text: &'a [u8],
    pub(super) source: Source,
    pub(super) functions: &'a dyn Functions,
    lexer: Lexer<'a>,
    pub(super) frame: Frame<'a>,
    pub(super) open: Open,
    set: BTreeMap<Arc<str>, Group<Node>>,
    blocks: usize,
}

// Tokens.
impl<'a> Parser<'a> {
    pub(super) fn next(&mut self) -> Item {
        if self.frame.peeked > 0 {
            self.frame.peeked -= 1;
            if let Some(item) = self.frame.token[self.frame.peeked] {
                return item;
            }
        }
        let item = self.lexer.next_item();
        self.frame.token[0] = Some(item);
        item
    }

    pub(super) fn backup(&mut self) {
        self.frame.peeked += 1;
    }

    /// Backs up by two tokens, of which the last is still there.
    pub(super) fn backup2(&mut self, first: Item) {
        self.frame.token[1] = Some(first);
        self.frame.peeked = 2;
    }

    pub(super) fn backup3(&mut self, first: Item, second: Item) {
        self.frame.token[1] = Some(second);
        self.frame.token[2] = Some(first);
        self.frame.peeked = 3;
    }

    pub(super) fn peek(&mut self) -> Item {
        let item = self.next();
        self.backup();
        item
    }

    pub(super) fn next_non_space(&mut self) -> Item {
        loop {
            let item = self.next();
            if item.kind != Kind::Space {
                return item;
            }
        }
    }

    pub(super) fn peek_non_space(&mut self) -> Item {
        let item = self.next_non_space();
        self.backup();
        item
    }

    fn expect(&mut self, kinds: &[Kind], context: &str) -> Result<Item> {
        let item = self.next_non_space();
        if kinds.contains(&item.kind) { Ok(item) } else { Err(self.unexpected(item, context)) }
    }

    /// The piece of the text that a token is.
    pub(super) fn text(&self, item: Item) -> &'a [u8] {
        self.text.get(item.span.range()).unwrap_or_default()
    }

    /// The text of an identifier, field or variable, of which the scanner has seen every character.
    pub(super) fn word(&self, item: Item) -> &'a str {
        std::str::from_utf8(self.text(item)).unwrap_or_default()
    }

    fn line(&self, item: Item) -> usize {
        self.source.line_and_column(item.position()).0
    }

    pub(super) fn error(&self, message: impl fmt::Display) -> ParseError {
        let line = self.frame.token[0].map_or(0, |item| self.line(item));
        ParseError { text: format!("template: {}:{line}: {message}", self.source.name) }
    }

    pub(super) fn unexpected(&self, item: Item, context: &str) -> ParseError {
        let shown = item.show(self.text, &self.lexer.message);
        if item.kind != Kind::Error {
            return self.error(format!("unexpected {shown} in {context}"));
        }
        match self.frame.action.map(|action| self.line(action)) {
            Some(line) if line != self.line(item) => {
                let action = if shown.ends_with(" action") { "" } else { " in action" };
                self.error(format!("{shown}{action} started at {}:{line}", self.source.name))
            }
            _ => self.error(shown),
        }
    }
}

// Templates and lists.
impl<'a> Parser<'a> {
    /// A whole text. Go: `Tree.parse`.
    fn top(&mut self) -> Result<Group<Node>> {
        let start = self.open.nodes.len();
        loop {
            match self.peek().kind {
                Kind::Eof => return Ok(self.close(start)),
                Kind::LeftDelim => {
                    let delimiter = self.next();
                    if self.next_non_space().kind == Kind::Define {
                        self.definition()?;
                        continue;
                    }
                    self.backup2(delimiter);
                }
                _ => {}
            }
            match self.text_or_action()? {
                Step::Node(node) => self.open.nodes.push(node),
                Step::End(end) => return Err(self.error(format!("unexpected {}", end.show()))),
            }
        }
    }

    /// Parses with a state of its own, for a template within a text.
    fn within<T>(&mut self, name: Arc<str>, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let outer = mem::replace(&mut self.frame, Frame::new(name));
        let parsed = parse(self)?;
        self.frame = outer;
        Ok(parsed)
    }

    /// `{{ define "name" }} … {{ end }}`, after the keyword.
    fn definition(&mut self) -> Result<()> {
        const CONTEXT: &str = "define clause";
        self.within(self.frame.name.clone(), |parser| {
            let name = parser.expect(&[Kind::String, Kind::RawString], CONTEXT)?;
            parser.frame.name = parser.name_of(name)?;
            parser.expect(&[Kind::RightDelim], CONTEXT)?;
            let (root, end) = parser.item_list()?;
            if !matches!(end, End::End) {
                return Err(parser.error(format!("unexpected {} in {CONTEXT}", end.show())));
            }
            parser.add(root)
        })
    }

    fn name_of(&self, item: Item) -> Result<Arc<str>> {
        let name = literal::unquote(self.text(item)).map_err(|message| self.error(message))?;
        Ok(String::from_utf8_lossy(&name).into())
    }

    /// Adds a finished tree to the set. Go: `Tree.add`.
    fn add(&mut self, root: Group<Node>) -> Result<()> {
        match self.set.get(&self.frame.name) {
            Some(old) if !is_empty(&self.source, *old) => {
                if !is_empty(&self.source, root) {
                    let name = quote(self.frame.name.as_bytes());
                    return Err(self.error(format!("template: multiple definition of template {name}")));
                }
            }
            _ => {
                self.set.insert(self.frame.name.clone(), root);
            }
        }
        Ok(())
    }

    /// The nodes from `start` on are a whole list.
    fn close(&mut self, start: usize) -> Group<Node> {
        self.source.nodes.close(&mut self.open.nodes, start)
    }

    fn item_list(&mut self) -> Result<(Group<Node>, End)> {
        let start = self.open.nodes.len();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Step::Node(node) => self.open.nodes.push(node),
                Step::End(end) => return Ok((self.close(start), end)),
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Result<Step> {
        let item = self.next_non_space();
        match item.kind {
            Kind::Text => Ok(Step::Node(Node::Text(item.span))),
            Kind::LeftDelim => {
                self.frame.action = Some(item);
                let step = self.action()?;
                self.frame.action = None;
                Ok(step)
            }
            _ => Err(self.unexpected(item, "input")),
        }
    }

    fn action(&mut self) -> Result<Step> {
        let item = self.next_non_space();
        let node = match item.kind {
            Kind::Block => self.nested(Self::block)?,
            Kind::Break => self.leave_range(item)?,
            Kind::Continue => self.leave_range(item)?,
            Kind::Else => return self.otherwise(),
            Kind::End => {
                self.expect(&[Kind::RightDelim], "end")?;
                return Ok(Step::End(End::End));
            }
            Kind::If => Node::If(self.control("if")?),
            Kind::Range => Node::Range(self.control("range")?),
            Kind::With => Node::With(self.control("with")?),
            Kind::Template => self.template()?,
            _ => {
                self.backup();
                let position = self.peek().position();
                Node::Action(position, self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Step::Node(node))
    }

    /// Parses what may hold more of itself.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.blocks >= MAX_BLOCKS {
            return Err(self.error(format!("control structures nest deeper than {MAX_BLOCKS} levels (the limit)")));
        }
        self.blocks += 1;
        let parsed = deeper(|| parse(self));
        self.blocks -= 1;
        parsed
    }

    /// `{{ break }}` and `{{ continue }}`.
    fn leave_range(&mut self, item: Item) -> Result<Node> {
        let word = if item.kind == Kind::Break { "{{break}}" } else { "{{continue}}" };
        let end = self.next_non_space();
        if end.kind != Kind::RightDelim {
            return Err(self.unexpected(end, word));
        }
        if self.frame.ranges == 0 {
            return Err(self.error(format!("{word} outside {{{{range}}}}")));
        }
        Ok(if item.kind == Kind::Break { Node::Break(item.position()) } else { Node::Continue(item.position()) })
    }

    /// `{{ else }}`; what may follow it stays for [`Parser::control`].
    fn otherwise(&mut self) -> Result<Step> {
        let item = self.peek_non_space();
        if matches!(item.kind, Kind::If | Kind::With) {
            return Ok(Step::End(End::Else));
        }
        self.expect(&[Kind::RightDelim], "else")?;
        Ok(Step::End(End::Else))
    }

    /// `if`, `with` and `range`, after the keyword. Go: `parseControl`.
    fn control(&mut self, context: &'static str) -> Result<Id<Branch>> {
        self.nested(|parser| {
            let variables = parser.frame.variables.len();
            let pipe = parser.pipeline(context, Kind::RightDelim)?;
            let in_range = usize::from(context == "range");
            parser.frame.ranges += in_range;
            let (list, end) = parser.item_list()?;
            parser.frame.ranges -= in_range;
            let otherwise = match end {
                End::End => None,
                End::Else => Some(parser.else_list(context)?),
            };
            parser.frame.variables.truncate(variables);
            Ok(parser.source.branches.push(Branch { pipe, list, otherwise }))
        })
    }

    /// What follows an `else`: `else if` and `else with` are one more structure that ends with the outer one.
    fn else_list(&mut self, context: &'static str) -> Result<Group<Node>> {
        match (context, self.peek().kind) {
            ("if", Kind::If) => {
                self.next();
                let node = Node::If(self.control("if")?);
                Ok(self.alone(node))
            }
            ("with", Kind::With) => {
                self.next();
                let node = Node::With(self.control("with")?);
                Ok(self.alone(node))
            }
            _ => match self.item_list()? {
                (list, End::End) => Ok(list),
                (_, end) => Err(self.error(format!("expected end; found {}", end.show()))),
            },
        }
    }

    /// A list of one node.
    fn alone(&mut self, node: Node) -> Group<Node> {
        let start = self.open.nodes.len();
        self.open.nodes.push(node);
        self.close(start)
    }

    /// `{{ block "name" pipeline }} … {{ end }}`, after the keyword.
    fn block(&mut self) -> Result<Node> {
        const CONTEXT: &str = "block clause";
        let item = self.next_non_space();
        let name = self.template_name(item, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        let id = self.source.add_name(&name);
        let end = self.within(name, |parser| {
            let (root, end) = parser.item_list()?;
            if matches!(end, End::End) {
                parser.add(root)?;
            }
            Ok(end)
        })?;
        if !matches!(end, End::End) {
            return Err(self.error(format!("unexpected {} in {CONTEXT}", end.show())));
        }
        Ok(Node::Template(item.position(), id, Some(pipe)))
    }

    /// `{{ template "name" pipeline }}`, after the keyword.
    fn template(&mut self) -> Result<Node> {
        const CONTEXT: &str = "template clause";
        let item = self.next_non_space();
        let name = self.template_name(item, CONTEXT)?;
        let name = self.source.add_name(&name);
        let mut pipe = None;
        if self.next_non_space().kind != Kind::RightDelim {
            self.backup();
            pipe = Some(self.pipeline(CONTEXT, Kind::RightDelim)?);
        }
        Ok(Node::Template(item.position(), name, pipe))
    }

    fn template_name(&self, item: Item, context: &str) -> Result<Arc<str>> {
        match item.kind {
            Kind::String | Kind::RawString => self.name_of(item),
            _ => Err(self.unexpected(item, context)),
        }
    }
}
