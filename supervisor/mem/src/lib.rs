//! Physical addresses, frame ownership, nested-table arithmetic.
