//! What a qube can be made to do and why it stopped.
