//! Ids, labels, bounded and secret types that travel in messages.
