//! Golden bytes and schema ids.
