//! The bed
