//! Frame, strict postcard profile, schema tables and their validator.
