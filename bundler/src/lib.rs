//! git repositories become Trees and Bundles.
