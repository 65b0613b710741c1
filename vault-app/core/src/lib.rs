//! The password store, pure.
