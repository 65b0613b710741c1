//! Attacks, each beside a canary.
