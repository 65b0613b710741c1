//! Manifests: parsing, checking, policy compilation.
