//! Entry, faults, memory, transport and channel driver of a qube.
