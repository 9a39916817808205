//! Managed objects: who answers a question about one, and which is the next.

mod table;
mod tree;

pub use table::{Column, Table};
pub use tree::{Scalar, Tree};

use crate::oid::Oid;
use crate::value::Value;

/// A set of managed objects.
pub trait Mib {
    /// The value of an object.
    fn get(&self, oid: &Oid) -> Option<Value>;

    /// The first object behind `after`, or `after` itself if it counts too (`inclusive`) and is there.
    fn next(&self, after: &Oid, inclusive: bool) -> Option<(Oid, Value)>;

    /// Whether an object could take this value now. What accepts here is asked for the change itself by whoever set it up.
    fn test_set(&self, oid: &Oid, _value: &Value) -> Result<(), SetError> {
        Err(match self.get(oid) {
            Some(_) => SetError::NotWritable,
            None => SetError::NoAccess,
        })
    }
}

/// Why an object does not take a value, with SNMP's numbers (RFC 3416).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[repr(u16)]
pub enum SetError {
    /// There is nothing to set
    #[error("no access")]
    NoAccess = 6,
    /// It takes values of another type
    #[error("wrong type")]
    WrongType = 7,
    /// It takes values of another length
    #[error("wrong length")]
    WrongLength = 8,
    /// It takes other values
    #[error("wrong value")]
    WrongValue = 10,
    /// It does not take this value now
    #[error("inconsistent value")]
    InconsistentValue = 12,
    /// It can never be set
    #[error("not writable")]
    NotWritable = 17,
}
