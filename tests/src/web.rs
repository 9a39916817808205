//! Web servers.
