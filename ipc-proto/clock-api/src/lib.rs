//! Service: wall clock time.
