//! kustomize build, in memory.
