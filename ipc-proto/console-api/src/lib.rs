//! Service: printing on the terminal.
