//! Lifecycle, router, audit: one pure step.
