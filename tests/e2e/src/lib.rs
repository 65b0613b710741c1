//! The system in QEMU.
