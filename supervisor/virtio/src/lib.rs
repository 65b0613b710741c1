//! Register page, queue walker, console and entropy device.
