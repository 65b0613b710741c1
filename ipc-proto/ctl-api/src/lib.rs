//! Service: the supervisor itself.
