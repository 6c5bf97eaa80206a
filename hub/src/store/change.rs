//! What can be done to an object, what must hold for it, what comes of it, and why it is not done.

use super::StoreError;
use super::history::EventType;
use super::kind::Kind;
use super::records::Table;
use super::resources::Object;
use serde_json::Value;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Why an operation on an object was not done.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    /// There is none of that name.
    #[error("{} \"{name}\" not found", kind.qualified())]
    NotFound {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// There is one of that name already.
    #[error("{} \"{name}\" already exists", kind.qualified())]
    AlreadyExists {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// A precondition does not hold.
    #[error("Operation cannot be fulfilled on {} \"{name}\": {message}", kind.qualified())]
    Conflict {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// Which one.
        message: String,
    },
    /// The object is not what it should be.
    #[error("{kind} \"{name}\" is invalid: {field}: {message}")]
    Invalid {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// The path of the field.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What must hold of the object that is there, for a change to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// Its UID.
    pub uid: Option<String>,
    /// Its resourceVersion.
    pub resource_version: Option<String>,
}

/// What to do with an object, decided with its present state at hand.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Store this (everything but the status and what the server owns); creates it where there is none.
    Spec(Value),
    /// Store this as the status.
    Status(Value),
    /// Delete it; a finalizer keeps it until it is taken off.
    Delete,
    /// Store this first, then delete it.
    SpecThenDelete(Value),
    /// Leave it as it is.
    Keep,
}

/// One of several writes that are committed together.
#[derive(Clone, Debug)]
pub enum Write {
    /// Make or replace an object (all but its status and what the server owns).
    Put {
        /// Its kind.
        kind: Kind,
        /// Its namespace; empty where the kind has none.
        namespace: String,
        /// Its name.
        name: String,
        /// The object as JSON.
        value: Value,
    },
    /// Set the status of an object.
    Status {
        /// Its kind.
        kind: Kind,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The status as JSON.
        status: Value,
    },
    /// Put a finalizer on an object or take it off, whatever else was changed meanwhile. Taking off the last one of an
    /// object that is being deleted lets it go.
    Finalizer {
        /// Its kind.
        kind: Kind,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// `domain/name`.
        finalizer: String,
        /// On, or off.
        present: bool,
    },
    /// Delete an object.
    Delete {
        /// Its kind.
        kind: Kind,
        /// Its namespace; empty where the kind has none.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Store a record.
    Record {
        /// Where.
        table: Table,
        /// Under which key.
        key: String,
        /// What.
        value: Vec<u8>,
    },
    /// Take a record away.
    Forget {
        /// Where.
        table: Table,
        /// Under which key.
        key: String,
    },
}

/// What a change came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The object after it (for a deletion: its last state).
    pub object: Object,
    /// What happened; `None` where nothing was to be changed.
    pub event: Option<EventType>,
}

/// A decrypted Secret, for the hub's own use. Wiped when it is dropped.
#[derive(Clone)]
pub struct SecretData {
    /// `type`: `kubernetes.io/basic-auth`, …
    pub secret_type: String,
    /// The values by key.
    pub data: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for SecretData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretData").field("type", &self.secret_type).field("keys", &self.data.keys()).finish()
    }
}
