//! The service attribute and the Schema derive.
