//! Server-side apply and field ownership, after structured-merge-diff v6 and apimachinery's `managedfields`.
//!
//! Pure: objects and field sets in, objects and field sets out. The verbs call [`updater`]; nothing here knows of
//! requests, the clock or the store.

pub(crate) mod compare;
pub(crate) mod fieldset;
pub(crate) mod managed;
pub(crate) mod merge;
pub(crate) mod updater;
