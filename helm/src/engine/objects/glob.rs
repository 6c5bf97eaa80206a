//! Patterns of `.Files.Glob`. The grammar is that of `github.com/gobwas/glob` with `/` as separator.

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Glob {
    nodes: Vec<Node>,
    separator: Option<char>,
}

#[derive(Debug)]
enum Node {
    Char(char),
    /// `?`: any one character but the separator.
    Single,
    /// `*`: any characters but the separator.
    Any,
    /// `**`: any characters.
    Super,
    /// `[abc]`, `[a-z]`, and with `!` the opposite.
    Class {
        not: bool,
        chars: Vec<char>,
        range: Option<(char, char)>,
    },
    /// `{a,b}`.
    Alternatives(Vec<Vec<Node>>),
}

impl Glob {
    /// Compiles a pattern; `None` if it is not one.
    pub(super) fn compile(pattern: &str, separator: Option<char>) -> Option<Self> {
        let chars: Vec<char> = pattern.chars().collect();
        let mut parser = Parser { chars: &chars, at: 0 };
        let nodes = parser.sequence(0)?;
        (parser.at == chars.len()).then_some(Self { nodes, separator })
    }

    /// `**`, which Helm takes for a pattern that is not one.
    pub(super) fn everything() -> Self {
        Self { nodes: vec![Node::Super], separator: None }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        self.ends(&self.nodes, &chars, &[0]).contains(&chars.len())
    }

    /// Where a sequence can end in the text if it begins at one of these places. All ways at once: the time is bounded by
    /// the lengths of pattern and text, whatever they are.
    fn ends(&self, nodes: &[Node], text: &[char], starts: &[usize]) -> Vec<usize> {
        let mut places = starts.to_vec();
        for node in nodes {
            let mut next: Vec<usize> = Vec::new();
            for place in places {
                self.step(node, text, place, &mut next);
            }
            next.sort_unstable();
            next.dedup();
            places = next;
            if places.is_empty() {
                break;
            }
        }
        places
    }

    fn step(&self, node: &Node, text: &[char], place: usize, next: &mut Vec<usize>) {
        let plain = |c: char| Some(c) != self.separator;
        let here = text.get(place).copied();
        let one = match node {
            Node::Char(c) => here == Some(*c),
            Node::Single => here.is_some_and(plain),
            Node::Class { not, chars, range } => here.is_some_and(|c| {
                let inside = chars.contains(&c) || range.is_some_and(|(from, to)| (from..=to).contains(&c));
                inside != *not
            }),
            Node::Any => {
                let length = text[place..].iter().take_while(|c| plain(**c)).count();
                next.extend(place..=place + length);
                false
            }
            Node::Super => {
                next.extend(place..=text.len());
                false
            }
            Node::Alternatives(alternatives) => {
                for nodes in alternatives {
                    next.extend(self.ends(nodes, text, &[place]));
                }
                false
            }
        };
        if one {
            next.push(place + 1);
        }
    }
}

struct Parser<'p> {
    chars: &'p [char],
    at: usize,
}

/// How deep `{…}` may nest.
const MAX_DEPTH: usize = 50;

impl Parser<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.get(self.at).copied();
        self.at += usize::from(c.is_some());
        c
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Nodes up to the end, or within braces up to the `,` or `}`.
    fn sequence(&mut self, depth: usize) -> Option<Vec<Node>> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek() {
            if depth > 0 && matches!(c, ',' | '}') {
                break;
            }
            self.at += 1;
            nodes.push(match c {
                '\\' => Node::Char(self.next()?),
                '?' => Node::Single,
                '*' if self.peek() == Some('*') => {
                    self.at += 1;
                    Node::Super
                }
                '*' => Node::Any,
                '[' => self.class()?,
                '{' if depth < MAX_DEPTH => self.alternatives(depth + 1)?,
                '{' => return None,
                c => Node::Char(c),
            });
        }
        Some(nodes)
    }

    fn alternatives(&mut self, depth: usize) -> Option<Node> {
        let mut alternatives = Vec::new();
        loop {
            alternatives.push(self.sequence(depth)?);
            match self.next()? {
                ',' => {}
                _ => return Some(Node::Alternatives(alternatives)),
            }
        }
    }

    /// A class after its `[`: either one range or a list of characters.
    fn class(&mut self) -> Option<Node> {
        let not = self.peek() == Some('!');
        self.at += usize::from(not);
        let first = self.class_char()?;
        if self.peek() == Some('-') {
            self.at += 1;
            let to = self.class_char()?;
            let closed = self.next()? == ']';
            return (closed && first <= to).then_some(Node::Class { not, chars: Vec::new(), range: Some((first, to)) });
        }
        let mut chars = vec![first];
        while self.peek()? != ']' {
            chars.push(self.class_char()?);
        }
        self.at += 1;
        Some(Node::Class { not, chars, range: None })
    }

    fn class_char(&mut self) -> Option<char> {
        match self.next()? {
            '\\' => self.next(),
            ']' => None,
            c => Some(c),
        }
    }
}
