//! System image writer.
