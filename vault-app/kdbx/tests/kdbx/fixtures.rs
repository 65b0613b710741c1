//! Files that were written by other programs once, and must stay readable.
