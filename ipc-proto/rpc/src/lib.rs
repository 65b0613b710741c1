//! Typed clients and servers over a port.
