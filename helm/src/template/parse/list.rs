//! Lists whose entries are named by their places.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

/// A place in a list or text. Whoever parses refuses a text of more than 4 GiB, and no list has more entries than its text bytes.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start: place(start), end: place(end) }
    }

    pub(super) fn start(self) -> u32 {
        self.start
    }

    pub(crate) fn range(self) -> Range<usize> {
        index(self.start)..index(self.end)
    }
}

/// The place of one entry.
pub(crate) struct Id<T> {
    at: u32,
    of: PhantomData<fn() -> T>,
}

/// The place of entries that stand side by side.
pub(crate) struct Group<T> {
    start: u32,
    end: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> Clone for Group<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Group<T> {}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at)
    }
}

impl<T> fmt::Debug for Group<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

impl<T> Group<T> {
    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// From the begin of this to the end of another group of the same list.
    pub(super) fn to_end_of(self, other: Self) -> Self {
        Self { end: other.end, ..self }
    }
}

/// What [`Id`] and [`Group`] name entries of.
#[derive(Debug)]
pub(super) struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> List<T> {
    pub(super) fn with_capacity(entries: usize) -> Self {
        Self(Vec::with_capacity(entries))
    }

    pub(super) fn push(&mut self, entry: T) -> Id<T> {
        let at = place(self.0.len());
        self.0.push(entry);
        Id { at, of: PhantomData }
    }

    /// Moves what `open` holds from `start` on to the end of the list.
    pub(super) fn close(&mut self, open: &mut Vec<T>, start: usize) -> Group<T> {
        let first = self.0.len();
        self.0.extend(open.drain(start..));
        self.since(first)
    }

    /// The entries from a place on.
    pub(super) fn since(&self, first: usize) -> Group<T> {
        Group { start: place(first), end: place(self.0.len()), of: PhantomData }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The place of the first entry like this.
    pub(super) fn find(&self, like: impl FnMut(&T) -> bool) -> Option<Id<T>> {
        self.0.iter().position(like).map(|at| Id { at: place(at), of: PhantomData })
    }

    #[expect(clippy::indexing_slicing, reason = "a place comes from the list that it is used with")]
    pub(super) fn get(&self, id: Id<T>) -> &T {
        &self.0[index(id.at)]
    }

    pub(super) fn group(&self, group: Group<T>) -> &[T] {
        self.0.get(index(group.start)..index(group.end)).unwrap_or_default()
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }
}
