//! An in-memory Kubernetes API server and a virtual fleet.
