//! From tokens to trees: templates and lists. Go: `text/template/parse/parse.go`.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::Arc;

use super::lex::{Delimiters, Lexer};
use super::literal;
use super::node::{Branch, Node, Source, Tree, is_empty};
use super::token::{Item, Kind};
use crate::stack::deeper;
use crate::template::function::Functions;
use crate::template::print::quote;

/// How deep `if`, `with`, `range`, `block` and `else if` may nest. Go has no limit.
const MAX_BLOCKS: usize = 10_000;

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
    text: &[u8],
    functions: &dyn Functions,
    delimiters: Delimiters,
) -> Result<BTreeMap<Arc<str>, Arc<Tree>>> {
    let source = Arc::new(Source { name: name.clone(), text: text.into() });
    let mut lexer = Lexer::new(text, delimiters);
    lexer.break_is_keyword = functions.get("break").is_none();
    lexer.continue_is_keyword = functions.get("continue").is_none();
    let mut parser =
        Parser { source, functions, lexer, frame: Frame::new(name.clone()), set: BTreeMap::new(), blocks: 0 };
    let root = parser.top()?;
    parser.add(root)?;
    Ok(parser.set)
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
    token: [Option<Item<'a>>; 3],
    peeked: usize,
    pub(super) variables: Vec<Arc<str>>,
    /// The line where the current action began, 0 outside of actions.
    action_line: usize,
    ranges: usize,
    pub(super) parentheses: usize,
}

impl Frame<'_> {
    fn new(name: Arc<str>) -> Self {
        let variables = vec!["$".into()];
        Self { name, token: [None, None, None], peeked: 0, variables, action_line: 0, ranges: 0, parentheses: 0 }
    }
}

pub(super) struct Parser<'a> {
    source: Arc<Source>,
    pub(super) functions: &'a dyn Functions,
    lexer: Lexer<'a>,
    pub(super) frame: Frame<'a>,
    set: BTreeMap<Arc<str>, Arc<Tree>>,
    blocks: usize,
}

// Tokens.
impl<'a> Parser<'a> {
    pub(super) fn next(&mut self) -> Item<'a> {
        if self.frame.peeked > 0 {
            self.frame.peeked -= 1;
        } else {
            self.frame.token[0] = Some(self.lexer.next_item());
        }
        match &self.frame.token[self.frame.peeked] {
            Some(item) => item.clone(),
            None => self.lexer.next_item(),
        }
    }

    pub(super) fn backup(&mut self) {
        self.frame.peeked += 1;
    }

    /// Backs up by two tokens, of which the last is still there.
    pub(super) fn backup2(&mut self, first: Item<'a>) {
        self.frame.token[1] = Some(first);
        self.frame.peeked = 2;
    }

    pub(super) fn backup3(&mut self, first: Item<'a>, second: Item<'a>) {
        self.frame.token[1] = Some(second);
        self.frame.token[2] = Some(first);
        self.frame.peeked = 3;
    }

    pub(super) fn peek(&mut self) -> Item<'a> {
        let item = self.next();
        self.backup();
        item
    }

    pub(super) fn next_non_space(&mut self) -> Item<'a> {
        loop {
            let item = self.next();
            if item.kind != Kind::Space {
                return item;
            }
        }
    }

    pub(super) fn peek_non_space(&mut self) -> Item<'a> {
        let item = self.next_non_space();
        self.backup();
        item
    }

    fn expect(&mut self, kinds: &[Kind], context: &str) -> Result<Item<'a>> {
        let item = self.next_non_space();
        if kinds.contains(&item.kind) { Ok(item) } else { Err(self.unexpected(&item, context)) }
    }

    pub(super) fn error(&self, message: impl fmt::Display) -> ParseError {
        let line = self.frame.token[0].as_ref().map_or(0, |item| item.line);
        ParseError { text: format!("template: {}:{line}: {message}", self.source.name) }
    }

    pub(super) fn unexpected(&self, item: &Item<'_>, context: &str) -> ParseError {
        if item.kind != Kind::Error {
            return self.error(format!("unexpected {} in {context}", item.show()));
        }
        let line = self.frame.action_line;
        if line == 0 || line == item.line {
            return self.error(item.show());
        }
        let action = if item.message.ends_with(" action") { "" } else { " in action" };
        self.error(format!("{}{action} started at {}:{line}", item.show(), self.source.name))
    }
}

// Templates and lists.
impl<'a> Parser<'a> {
    /// A whole text. Go: `Tree.parse`.
    fn top(&mut self) -> Result<Vec<Node>> {
        let mut root = Vec::new();
        loop {
            match self.peek().kind {
                Kind::Eof => return Ok(root),
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
                Step::Node(node) => root.push(node),
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
        self.within("definition".into(), |parser| {
            let name = parser.expect(&[Kind::String, Kind::RawString], CONTEXT)?;
            parser.frame.name = parser.name_of(&name)?;
            parser.expect(&[Kind::RightDelim], CONTEXT)?;
            let (root, end) = parser.item_list()?;
            if !matches!(end, End::End) {
                return Err(parser.error(format!("unexpected {} in {CONTEXT}", end.show())));
            }
            parser.add(root)
        })
    }

    fn name_of(&self, item: &Item<'_>) -> Result<Arc<str>> {
        let name = literal::unquote(item.text).map_err(|message| self.error(message))?;
        Ok(String::from_utf8_lossy(&name).into())
    }

    /// Adds a finished tree to the set. Go: `Tree.add`.
    fn add(&mut self, root: Vec<Node>) -> Result<()> {
        let name = self.frame.name.clone();
        match self.set.get(&name) {
            Some(old) if !is_empty(&old.root) => {
                if !is_empty(&root) {
                    let name = quote(name.as_bytes());
                    return Err(self.error(format!("template: multiple definition of template {name}")));
                }
            }
            _ => {
                self.set.insert(name.clone(), Arc::new(Tree { name, source: self.source.clone(), root }));
            }
        }
        Ok(())
    }

    fn item_list(&mut self) -> Result<(Vec<Node>, End)> {
        let mut list = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Step::Node(node) => list.push(node),
                Step::End(end) => return Ok((list, end)),
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Result<Step> {
        let item = self.next_non_space();
        match item.kind {
            Kind::Text => Ok(Step::Node(Node::Text(item.position, item.text.into()))),
            Kind::LeftDelim => {
                self.frame.action_line = item.line;
                let step = self.action()?;
                self.frame.action_line = 0;
                Ok(step)
            }
            _ => Err(self.unexpected(&item, "input")),
        }
    }

    fn action(&mut self) -> Result<Step> {
        let item = self.next_non_space();
        let node = match item.kind {
            Kind::Block => self.nested(Self::block)?,
            Kind::Break => self.leave_range(&item)?,
            Kind::Continue => self.leave_range(&item)?,
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
                let position = self.peek().position;
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
    fn leave_range(&mut self, item: &Item<'_>) -> Result<Node> {
        let word = if item.kind == Kind::Break { "{{break}}" } else { "{{continue}}" };
        let end = self.next_non_space();
        if end.kind != Kind::RightDelim {
            return Err(self.unexpected(&end, word));
        }
        if self.frame.ranges == 0 {
            return Err(self.error(format!("{word} outside {{{{range}}}}")));
        }
        Ok(if item.kind == Kind::Break { Node::Break(item.position) } else { Node::Continue(item.position) })
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
    fn control(&mut self, context: &'static str) -> Result<Branch> {
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
            Ok(Branch { position: pipe.position, pipe, list, otherwise })
        })
    }

    /// What follows an `else`: `else if` and `else with` are one more structure that ends with the outer one.
    fn else_list(&mut self, context: &'static str) -> Result<Vec<Node>> {
        match (context, self.peek().kind) {
            ("if", Kind::If) => {
                self.next();
                Ok(vec![Node::If(self.control("if")?)])
            }
            ("with", Kind::With) => {
                self.next();
                Ok(vec![Node::With(self.control("with")?)])
            }
            _ => match self.item_list()? {
                (list, End::End) => Ok(list),
                (_, end) => Err(self.error(format!("expected end; found {}", end.show()))),
            },
        }
    }

    /// `{{ block "name" pipeline }} … {{ end }}`, after the keyword.
    fn block(&mut self) -> Result<Node> {
        const CONTEXT: &str = "block clause";
        let item = self.next_non_space();
        let name = self.template_name(&item, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        let end = self.within(name.clone(), |parser| {
            let (root, end) = parser.item_list()?;
            if matches!(end, End::End) {
                parser.add(root)?;
            }
            Ok(end)
        })?;
        if !matches!(end, End::End) {
            return Err(self.error(format!("unexpected {} in {CONTEXT}", end.show())));
        }
        Ok(Node::Template(item.position, name, Some(pipe)))
    }

    /// `{{ template "name" pipeline }}`, after the keyword.
    fn template(&mut self) -> Result<Node> {
        const CONTEXT: &str = "template clause";
        let item = self.next_non_space();
        let name = self.template_name(&item, CONTEXT)?;
        let mut pipe = None;
        if self.next_non_space().kind != Kind::RightDelim {
            self.backup();
            pipe = Some(self.pipeline(CONTEXT, Kind::RightDelim)?);
        }
        Ok(Node::Template(item.position, name, pipe))
    }

    fn template_name(&self, item: &Item<'_>, context: &str) -> Result<Arc<str>> {
        match item.kind {
            Kind::String | Kind::RawString => self.name_of(item),
            _ => Err(self.unexpected(item, context)),
        }
    }
}
