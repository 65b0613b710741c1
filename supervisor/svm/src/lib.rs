//! AMD virtualisation: VMCB, world switch, nested tables.
