//! The form that `ipvsadm -Ln` and `ipvsadm-save -n` print.

use crate::statistics::{Info, Statistics};
use crate::table::Table;

/// What `ipvsadm -Ln` prints.
pub fn list(table: &Table, statistics: &Statistics, info: &Info) -> String {
    let _ = (table, statistics, info);
    String::new()
}

/// What `ipvsadm-save -n` prints: options of `ipvsadm`, one line for each service and destination.
pub fn save(table: &Table) -> String {
    let _ = table;
    String::new()
}
