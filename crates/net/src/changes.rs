//! What can be added to the kernel's tables and removed from them.

use std::fmt;

use crate::netlink::RequestWriter;

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Add,
    Remove,
}

/// An entry of one of the kernel's tables; [`fmt::Display`] names it in errors.
pub(crate) trait Entry: fmt::Display {
    /// What is done, as a verb: "add address".
    fn operation(change: Change) -> &'static str;

    /// Type of the request, and its flags besides those that every change has.
    fn kind_and_flags(&self, change: Change) -> (u16, u16);

    /// Whether this error says that things are already as they should be.
    fn is_already_so(&self, change: Change, errno: i32) -> bool;

    /// Whether it can be put into a request, or what does not fit.
    fn check(&self) -> Result<(), &'static str>;

    /// Writes the payload of a request for an entry that passed [`Entry::check`].
    fn write(&self, change: Change, body: &mut RequestWriter);
}
