//! The IPVS table: plain types, reconcile by difference, and the kernel over generic netlink.
//!
//! - [`table`]: what a table is, with no IO;
//! - `reconcile`: wanted and observed table in, ordered changes out, with no IO;
//! - `kernel`: the same table in the kernel;
//! - `text`: the form that `ipvsadm -Ln` and `ipvsadm-save` print.

pub mod table;
