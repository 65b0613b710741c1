//! Scripted qubes for tests.
