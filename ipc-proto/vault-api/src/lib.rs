//! Service: the password store.
