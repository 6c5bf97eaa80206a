//! A kustomization file: its fields, how they are read, and what older fields mean.
//!
//! kustomize: api/types/kustomization.go, `KustTarget.Load` in api/internal/target/kusttarget.go.

mod fields;
mod load;

pub(crate) use fields::{
    FieldOptions, GeneratorArgs, HelmChart, HelmGlobals, Image, Kustomization, Metadata, ObjectRef, Patch,
    PatchOptions, ReplacementEntry, Replica, SecretArgs, SelectorFields, SortOptions, SourceFields, TargetFields, Var,
};
pub use load::KUSTOMIZATION_FILES;
pub(crate) use load::{Loaded, load};
