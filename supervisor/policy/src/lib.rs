//! Compiled rules to verdicts.
