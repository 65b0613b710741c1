//! Service: echo, for people and for measurements.
