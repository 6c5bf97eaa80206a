//! One turn of the deciding task: what is written, and in which order what follows is done. Both the hub's shell and the
//! simulator take their turns with it.
//!
//! The invariant: what is answered, published or acknowledged is on disk; who asked is told last, so that an answer to
//! one who is in a new epoch does not find the document of the old one.

use super::rules::{Rule, Rules};

/// What one turn writes (`W`), and what follows from it (`A`).
#[derive(Debug)]
pub struct Turn<W, A> {
    writes: Vec<W>,
    effects: Vec<A>,
    replies: Vec<A>,
}

impl<W, A> Default for Turn<W, A> {
    fn default() -> Self {
        Self { writes: Vec::new(), effects: Vec::new(), replies: Vec::new() }
    }
}

impl<W, A> Turn<W, A> {
    /// Part of the one transaction of this turn.
    pub fn write(&mut self, write: W) {
        self.writes.push(write);
    }

    /// To be done when the transaction is on disk: publish, withhold, revoke, render.
    pub fn effect(&mut self, effect: A) {
        self.effects.push(effect);
    }

    /// To be told when the transaction is on disk, after all effects.
    pub fn reply(&mut self, reply: A) {
        self.replies.push(reply);
    }

    /// The writes of the transaction; none is left.
    pub fn take_writes(&mut self) -> Vec<W> {
        std::mem::take(&mut self.writes)
    }

    /// What may be done before the transaction is on disk: nothing.
    pub fn before_commit(&mut self, rules: Rules) -> Vec<A> {
        if rules.on(Rule::R2Commit) { Vec::new() } else { self.after_commit() }
    }

    /// What is done once the transaction is on disk, in this order.
    pub fn after_commit(&mut self) -> Vec<A> {
        let mut all = std::mem::take(&mut self.effects);
        all.append(&mut self.replies);
        all
    }
}

impl<W, A> Extend<W> for Turn<W, A> {
    fn extend<T: IntoIterator<Item = W>>(&mut self, writes: T) {
        self.writes.extend(writes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_told_before_the_commit_and_replies_come_last() {
        let mut turn = Turn::default();
        turn.reply("answer");
        turn.write("row");
        turn.effect("publish");
        let early = turn.before_commit(Rules::all());
        assert!(early.is_empty());
        assert_eq!((turn.take_writes(), turn.after_commit()), (vec!["row"], vec!["publish", "answer"]));
        assert!(turn.take_writes().is_empty() && turn.after_commit().is_empty());
    }
}
