//! KDBX4, the file format of KeePass, read and written.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
