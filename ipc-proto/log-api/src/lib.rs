//! Service: reading the log.
