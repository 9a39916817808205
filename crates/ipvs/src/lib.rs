//! The IPVS table: plain types, reconcile by difference, and the kernel over generic netlink.
//!
//! - [`table`]: what a table is, with no IO;
//! - [`mod@reconcile`]: wanted and observed table in, ordered changes out, with no IO;
//! - [`statistics`]: what the kernel counts, with no IO;
//! - [`sync`]: sync daemons and timeouts, with no IO;
//! - [`kernel`]: the same table in the kernel;
//! - [`text`]: the form that `ipvsadm -Ln` and `ipvsadm-save` print.

pub mod error;
pub mod kernel;
mod netlink;
pub mod reconcile;
pub mod statistics;
pub mod sync;
pub mod table;
pub mod text;
mod wire;

pub use error::Error;
pub use kernel::{Applied, Failure, Kernel};
pub use reconcile::{Change, reconcile};
