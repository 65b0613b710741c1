//! The safe face of a qube.
