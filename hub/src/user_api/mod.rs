//! The paths of the Kubernetes API. (To be replaced by the real one.)
//!
//! The core mounts `user_api::router(store, core, admin)`, an `axum::Router`, beside the agent API; the router
//! authenticates by the admin's bearer token.
