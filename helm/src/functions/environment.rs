//! What a render gives to the functions besides their arguments, and what they tell it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::random::{Seed, Stream};
use super::regex::Expression;
use crate::template::{Call, FunctionError};
use crate::value::Str;

/// The surroundings of one render: everything that Helm's functions would otherwise ask the machine for.
///
/// The same environment, templates and values give the same bytes.
#[derive(Debug)]
pub struct Environment {
    /// Where `randAlphaNum`, `genCA` and the like get their randomness from.
    pub seed: Seed,
    /// What `now` answers, in seconds since 1970.
    pub time: i64,
    /// The nanoseconds of that second.
    pub nanoseconds: u32,
    /// Whether `required` and `fail` let the render go on, as `helm lint` does.
    pub lint: bool,
    lookups: RefCell<BTreeSet<Lookup>>,
    nested: RefCell<BTreeMap<String, u32>>,
    cost: Cell<u64>,
    random: Cell<bool>,
    clock: Cell<bool>,
    /// The regular expressions that were compiled, by their text.
    pub(super) expressions: RefCell<BTreeMap<Str, Rc<Expression>>>,
}

/// An object that a template looked up in the cluster, and did not find because there is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// Its `apiVersion`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace, or "".
    pub namespace: String,
    /// Its name, or "" for a list of all.
    pub name: String,
}

/// What one render may spend on keys, password hashes and derived passwords, in milliseconds of a slow machine's core.
const MAX_COST: u64 = 120_000;

impl Environment {
    /// An environment with this seed and time.
    pub fn new(seed: Seed, time: i64) -> Self {
        Self {
            seed,
            time,
            nanoseconds: 0,
            lint: false,
            lookups: RefCell::default(),
            nested: RefCell::default(),
            cost: Cell::new(0),
            random: Cell::new(false),
            clock: Cell::new(false),
            expressions: RefCell::default(),
        }
    }

    /// What `lookup` was asked for so far, in order, each once.
    pub fn lookups(&self) -> Vec<Lookup> {
        self.lookups.borrow().iter().cloned().collect()
    }

    /// Whether a function drew from the seed: then other seeds give other results.
    pub fn is_random(&self) -> bool {
        self.random.get()
    }

    /// Whether a function asked for the present: then other times give other results.
    pub fn reads_clock(&self) -> bool {
        self.clock.get()
    }

    /// The present, in seconds and nanoseconds.
    pub(super) fn now(&self) -> (i64, i64) {
        self.clock.set(true);
        (self.time, i64::from(self.nanoseconds))
    }

    pub(super) fn report(&self, lookup: Lookup) {
        self.lookups.borrow_mut().insert(lookup);
    }

    /// Counts an `include` of a name inside itself; false if that is once too often. Helm: `includeFun`.
    pub(super) fn enter(&self, name: &str, most: u32) -> bool {
        let mut nested = self.nested.borrow_mut();
        let Some(count) = nested.get_mut(name) else {
            nested.insert(name.to_owned(), 1);
            return true;
        };
        let fits = *count <= most;
        *count += u32::from(fits);
        fits
    }

    fn spend(&self, cost: u64) -> Result<(), FunctionError> {
        let total = self.cost.get().saturating_add(cost);
        self.cost.set(total);
        if total > MAX_COST {
            let message = format!(
                "keys, certificates and password hashes of one render cost more than {MAX_COST} units (the limit of a render)"
            );
            return Err(message.into());
        }
        Ok(())
    }

    pub(super) fn leave(&self, name: &str) {
        if let Some(count) = self.nested.borrow_mut().get_mut(name) {
            *count -= 1;
        }
    }
}

/// The environment of a call.
pub(super) fn environment(call: &dyn Call) -> Result<&Environment, FunctionError> {
    let found = call.environment().downcast_ref();
    found.ok_or_else(|| FunctionError::from("the render has no environment for Helm's functions"))
}

/// Counts expensive work against the limit of the render.
pub(super) fn spend(call: &dyn Call, cost: u64) -> Result<(), FunctionError> {
    environment(call)?.spend(cost)
}

/// The random bytes of this call alone: other calls and other renders do not change them.
pub(super) fn randomness(call: &dyn Call, function: &str) -> Result<Stream, FunctionError> {
    let place = call.place();
    let position = format!("{}\0{}\0{}\0{}\0{function}", place.file, place.line, place.column, call.count());
    let environment = environment(call)?;
    environment.random.set(true);
    Ok(environment.seed.stream(position.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Environment, Seed};

    #[test]
    fn keys_and_hashes_count_against_one_limit() {
        let environment = Environment::new(Seed::new([1; 32]), 0);
        assert_eq!((0..6).map(|_| environment.spend(20_000)).filter(Result::is_ok).count(), 6);
        let error = environment.spend(1).err().map(|e| e.message().to_owned());
        assert_eq!(
            error.as_deref(),
            Some(
                "keys, certificates and password hashes of one render cost more than 120000 units (the limit of a render)"
            )
        );
    }
}
