//! The system image, read in place.
