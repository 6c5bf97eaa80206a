//! The hub: store, snapshot, agent API, user API.
