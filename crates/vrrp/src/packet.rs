//! Advertisements on the wire.
