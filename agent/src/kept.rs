//! The values that were read in the cluster, and reports without them. Called by [`values`](crate::values), and by the loop for
//! each report.
//!
//! Controllers and webhooks quote what they were given, those of yesterday what was given to them yesterday. So a report goes
//! without the texts of what was read last, of all from which something in force was made, and of what was let go of lately.
//!
//! Invariant: what cannot be looked for is not told: then a message is left out whole.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet_api::wire::Report;
use fleet_api::{Digest, Note};
use serde_json::Value;
use skiff_render::{ClusterFacts, Values};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A text of values that is shorter than this, in bytes, is a word that stands in messages anyway.
const SHORTEST: usize = 4;
/// A number of fewer digits is a port or a count.
const SHORTEST_NUMBER: usize = 6;
/// What former values may have in memory while some of them may be in force, in bytes.
const FORMER: usize = 1 << 20;
/// What those of them that nothing in force was made from may have: a controller may quote them a while yet.
const SPARE: usize = 64 << 10;
/// How many bytes of messages are searched for one report, all searches together: a second of a small machine.
const SEARCHED: usize = 256 << 20;
/// In the place of a message that may quote values that cannot be looked for.
const WITHHELD: &str = "left out, because it may quote values of the cluster: more of them changed than are kept to be \
                        looked for; the object itself and the log of its controller tell it";

/// What was read, by the Deployment that names it, and what was read before.
#[derive(Default)]
pub struct Kept {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    read: BTreeMap<Digest, Held>,
    /// From the oldest to the newest.
    former: VecDeque<Former>,
    /// What more was let go of than `former` may have: each is the Deployment that was made, which may be in force, or `None`.
    lost: BTreeSet<Option<Digest>>,
    /// Rises when a report that was made before is to be looked through again.
    revision: u64,
}

/// Values, and facts of the cluster that a render looks at.
#[derive(Clone)]
pub struct Held {
    /// Digest of all of it.
    pub digest: Digest,
    /// In the order of `valuesFrom`.
    pub values: Arc<Vec<Values>>,
    /// The cluster.
    pub cluster: Arc<ClusterFacts>,
}

struct Former {
    /// What was made from them, if anything.
    made: Option<Digest>,
    /// Digest of the values and facts.
    digest: Digest,
    values: Arc<Vec<Values>>,
    size: usize,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held")
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was read last for a Deployment, where it is what `digest` names.
    pub fn get(&self, deployment: Digest, digest: Digest) -> Option<Held> {
        self.lock().read.get(&deployment).filter(|held| held.digest == digest).cloned()
    }

    /// Keeps what was read for a Deployment, in the place of what was read before.
    pub fn put(&self, deployment: Digest, held: Held) {
        let mut inner = self.lock();
        if inner.read.get(&deployment).is_some_and(|before| before.digest == held.digest) {
            return;
        }
        inner.revision += 1;
        if let Some(before) = inner.read.insert(deployment, held) {
            inner.remember(None, before);
        }
        inner.fit();
    }

    /// Something was made from values that are held, and may come into force.
    pub fn made(&self, made: Digest, from: &Held) {
        let mut inner = self.lock();
        inner.remember(Some(made), from.clone());
        inner.fit();
    }

    /// Lets go of the values of what nothing needs any more. To be called when nothing is under way.
    pub fn keep_only(&self, needed: &BTreeSet<Digest>) {
        let mut inner = self.lock();
        let kept = std::mem::take(&mut inner.read);
        for (deployment, held) in kept {
            if needed.contains(&deployment) {
                inner.read.insert(deployment, held);
            } else {
                inner.remember(None, held);
            }
        }
        let mut spare = 0;
        let mut former = std::mem::take(&mut inner.former);
        // The newest first, of which there is room.
        while let Some(former) = former.pop_back() {
            let is_in_force = former.made.is_some_and(|made| needed.contains(&made));
            spare += if is_in_force { 0 } else { former.size };
            if is_in_force || spare <= SPARE {
                inner.former.push_front(former);
            }
        }
        let withheld = !inner.lost.is_empty();
        inner.lost.retain(|made| made.is_some_and(|made| needed.contains(&made)));
        inner.fit();
        inner.revision += u64::from(withheld && inner.lost.is_empty());
    }

    /// Rises when a report that was made before is to be looked through again: other values were read, or what was left out
    /// can be told.
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Whether messages are left out of reports now. What was left out is to be told when this is over.
    pub fn is_withholding(&self) -> bool {
        !self.lock().lost.is_empty()
    }

    /// The report without any text of the values.
    #[must_use]
    pub fn scrub(&self, mut report: Report) -> Report {
        let inner = self.lock();
        let mut messages = messages(&mut report);
        if !inner.lost.is_empty() || !hide(&mut messages, inner.values(), SEARCHED) {
            messages.iter_mut().for_each(|message| WITHHELD.clone_into(message));
        }
        report
    }
}

impl Inner {
    fn values(&self) -> impl Iterator<Item = &Value> {
        let read = self.read.values().map(|held| &held.values);
        let former = self.former.iter().map(|former| &former.values);
        read.chain(former).flat_map(|values| values.iter()).flat_map(|values| values.as_map().values())
    }

    /// Puts values among the former ones; what nothing was made from need not be there twice.
    fn remember(&mut self, made: Option<Digest>, held: Held) {
        let is_known = |former: &Former| former.digest == held.digest && (made.is_none() || former.made == made);
        if !self.former.iter().any(is_known) {
            let size = held.values.iter().flat_map(|values| values.as_map().values()).map(weight).sum();
            self.former.push_back(Former { made, digest: held.digest, values: held.values, size });
        }
    }

    /// Lets the oldest go until there is room. What is held all the same needs none.
    fn fit(&mut self) {
        let read: BTreeSet<Digest> = self.read.values().map(|held| held.digest).collect();
        let mut size: usize =
            self.former.iter().filter(|former| !read.contains(&former.digest)).map(|former| former.size).sum();
        while size > FORMER {
            let oldest = self.former.iter().position(|former| !read.contains(&former.digest));
            let Some(former) = oldest.and_then(|oldest| self.former.remove(oldest)) else { return };
            size -= former.size;
            self.lost.insert(former.made);
        }
    }
}

/// What a value has in memory, about.
fn weight(value: &Value) -> usize {
    let inside: usize = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(map) => map.iter().map(|(key, item)| key.len() + 32 + weight(item)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + inside
}

/// All that somebody else may have worded.
fn messages(report: &mut Report) -> Vec<&mut String> {
    let said = report.deployments.values_mut();
    let said = said.flat_map(|said| {
        let words = said.not_ready.iter_mut().map(|object| &mut object.message);
        words.chain(said.notes.iter_mut().flat_map(words_of))
    });
    let notes = report.notes.iter_mut().flat_map(words_of);
    notes.chain(said).filter(|message| !message.is_empty()).collect()
}

fn words_of(note: &mut Note) -> [&mut String; 2] {
    [&mut note.message, &mut note.remedy]
}

/// Puts `…` into messages where texts of values stand, wherever they overlap. False where more than `budget` bytes would have
/// to be searched: then nothing is changed.
fn hide<'a>(messages: &mut [&mut String], values: impl Iterator<Item = &'a Value>, mut budget: usize) -> bool {
    // Few texts begin as anything in a message does, so that most of them cost one look.
    let beginnings: BTreeSet<&[u8]> =
        messages.iter().flat_map(|message| message.as_bytes().windows(SHORTEST)).collect();
    let longest = messages.iter().map(|message| message.len()).max().unwrap_or(0);
    let mut spans: Vec<Vec<Range<usize>>> = vec![Vec::new(); messages.len()];
    let mut look = |text: &str| {
        let Some(beginning) = text.as_bytes().get(..SHORTEST).filter(|_| text.len() <= longest) else { return true };
        if !beginnings.contains(beginning) {
            return true;
        }
        for (message, spans) in messages.iter().zip(&mut spans) {
            let mut from = 0;
            while let Some(at) = message[from..].find(text).map(|at| from + at) {
                spans.push(at..at + text.len());
                from = at + text.chars().next().map_or(1, char::len_utf8);
                let Some(left) = budget.checked_sub(text.len()) else { return false };
                budget = left;
            }
            let Some(left) = budget.checked_sub(message.len()) else { return false };
            budget = left;
        }
        true
    };
    let mut values = values;
    if !values.all(|value| each_text(value, longest, &mut look)) {
        return false;
    }
    for (message, spans) in messages.iter_mut().zip(spans) {
        blank(message, spans);
    }
    true
}

/// Every text in a value: as it stands, by lines, and as it stands in a Secret. False where `look` had enough.
fn each_text(value: &Value, longest: usize, look: &mut impl FnMut(&str) -> bool) -> bool {
    match value {
        Value::String(text) if text.len() >= SHORTEST => {
            let encoded = text.len().div_ceil(3) * 4;
            look(text)
                && (encoded > longest || look(&STANDARD.encode(text)))
                && text.lines().map(str::trim).filter(|line| line.len() < text.len()).all(look)
        }
        Value::Number(number) => {
            let text = number.to_string();
            let text = text.strip_suffix(".0").unwrap_or(&text);
            text.len() < SHORTEST_NUMBER || (look(text) && look(&STANDARD.encode(text)))
        }
        Value::Array(items) => items.iter().all(|item| each_text(item, longest, look)),
        Value::Object(map) => map.values().all(|item| each_text(item, longest, look)),
        Value::String(_) | Value::Null | Value::Bool(_) => true,
    }
}

/// Puts one `…` in the place of what `spans` cover, and touch, together.
fn blank(message: &mut String, mut spans: Vec<Range<usize>>) {
    spans.sort_by_key(|span| span.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    for span in merged.into_iter().rev() {
        message.replace_range(span, "…");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_api::Reason;

    fn held(yaml: &str) -> Held {
        Held {
            digest: Digest::of(yaml.as_bytes()),
            values: Arc::new(vec![Values::from_yaml(yaml).unwrap()]),
            cluster: Arc::new(ClusterFacts::default()),
        }
    }

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    /// What a report makes of a message.
    fn told(kept: &Kept, message: &str) -> String {
        let report = Report { notes: vec![Note::new(Reason::NotReady, message)], ..Report::default() };
        kept.scrub(report).notes.remove(0).message
    }

    #[test]
    fn a_report_holds_no_text_of_the_values() {
        let kept = Kept::default();
        let yaml = "user: bob\nlogin: {password: hunter2, part: ter2, pin: 73519824}\nkeys: ['line one\n\n  line two']\n\
                    twice: abcabc\nindented: \"    key = v4lue\\n    other\\n\"\n";
        kept.put(digest("d"), held(yaml));
        let cases = [
            ("bob cannot log in with hunter2, aHVudGVyMg==, line two", "bob cannot log in with …, …, …"),
            ("ter2 is a part of hunter2", "… is a part of …"),
            ("pin 73519824 is wrong", "pin … is wrong"),
            ("of abcabcabc nothing is left", "of … nothing is left"),
            ("near \"key = v4lue\"", "near \"…\""),
            ("port 8080", "port 8080"),
        ];
        for (message, expected) in cases {
            assert_eq!(told(&kept, message), expected);
        }
        assert_eq!(told(&Kept::default(), "hunter2"), "hunter2");
    }

    #[test]
    fn however_often_values_change_the_newest_and_those_in_force_are_not_told() {
        let kept = Kept::default();
        let values = |round: usize| held(&format!("password: secret-{round:05}\npadding: '{round:x<2000}'"));
        let first = values(0);
        kept.put(digest("d"), first.clone());
        kept.made(digest("in force"), &first);
        for round in 1..=5_000 {
            let held = values(round);
            kept.put(digest("d"), held.clone());
            kept.made(digest(&format!("made {round}")), &held);
            if round % 100 == 0 {
                kept.keep_only(&[digest("d"), digest("in force")].into());
            }
        }
        assert_eq!(told(&kept, "not secret-05000, nor secret-04990, nor secret-00000"), "not …, nor …, nor …");
        assert!(!kept.is_withholding());
        let inner = kept.lock();
        let size: usize = inner.former.iter().map(|former| former.size).sum();
        assert!(size <= SPARE + 4_096, "{size} bytes in {} former values", inner.former.len());
    }

    #[test]
    fn what_cannot_be_looked_for_is_left_out_until_nothing_in_force_is_made_from_it() {
        let kept = Kept::default();
        for round in 0..5_000 {
            let held = held(&format!("password: secret-{round}\npadding: '{round:x<2000}'"));
            kept.put(digest("d"), held.clone());
            kept.made(digest(&format!("made {round}")), &held);
        }
        let size: usize = kept.lock().former.iter().map(|former| former.size).sum();
        assert!(size <= FORMER + 4_096, "{size} bytes are kept");
        assert_eq!(told(&kept, "the password is secret-1"), WITHHELD);
        // What was made from values that were let go of is in force yet.
        kept.keep_only(&[digest("d"), digest("made 1")].into());
        assert_eq!(told(&kept, "the password is secret-1"), WITHHELD);
        let revision = kept.revision();
        kept.keep_only(&[digest("d"), digest("made 4999")].into());
        assert!(!kept.is_withholding() && kept.revision() > revision);
        assert_eq!(told(&kept, "the password is not secret-4999"), "the password is not …");
    }

    #[test]
    fn a_report_that_takes_too_long_to_search_is_left_out() {
        let text = Value::String("line one\nline two\nline three".into());
        let mut message = "line one is wrong".to_owned();
        assert!(!hide(&mut [&mut message], [&text].into_iter(), 20));
        assert_eq!(message, "line one is wrong");
        assert!(hide(&mut [&mut message], [&text].into_iter(), 1_000));
        assert_eq!(message, "… is wrong");
    }

    #[test]
    fn values_are_let_go_of_with_what_needs_them() {
        let kept = Kept::default();
        let one = held("password: hunter2");
        kept.put(digest("d"), one.clone());
        // Read again, and found to be the same.
        kept.put(digest("d"), held("password: hunter2"));
        assert_eq!(kept.revision(), 1);
        assert!(Arc::ptr_eq(&kept.get(digest("d"), one.digest).unwrap().values, &one.values));
        kept.keep_only(&BTreeSet::new());
        assert!(kept.get(digest("d"), one.digest).is_none());
        // A controller may quote it a while yet.
        assert_eq!(told(&kept, "hunter2"), "…");
    }
}
