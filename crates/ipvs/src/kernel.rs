//! The table in the kernel, over generic netlink.

use crate::error::Error;
use crate::reconcile::Change;
use crate::statistics::{Info, Statistics};
use crate::table::{ServiceEntry, ServiceKey, Table};

/// A change that did not take effect.
#[derive(Debug)]
pub struct Failure {
    /// Position in the list that was handed to [`Kernel::apply`]
    pub index: usize,
    /// Why
    pub error: Error,
}

/// What became of a list of changes.
#[derive(Debug, Default)]
pub struct Applied {
    /// The changes that did not take effect, by position; all others did
    pub failures: Vec<Failure>,
    /// How many entries were not as observed (there at add, gone at edit or remove). All were mended; more than 0 means that
    /// somebody else changes the table: read it and reconcile again.
    pub surprises: usize,
}

impl Applied {
    /// Everything took effect and the table was as observed.
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty() && self.surprises == 0
    }
}

/// The IPVS of the network namespace that the calling thread was in at [`Kernel::open`]. Needs `CAP_NET_ADMIN`.
///
/// Blocking: every call waits for the kernel, at most a few seconds.
#[derive(Debug)]
pub struct Kernel {}

impl Kernel {
    /// Connects to IPVS, and loads the module when it is absent.
    ///
    /// # Errors
    /// [`Error::NoIpvs`] names the module and how to load it.
    pub fn open() -> Result<Self, Error> {
        Err(Error::NoIpvs {
            attempt: "not yet written".to_owned(),
        })
    }

    /// All services with their destinations.
    pub fn table(&mut self) -> Result<Table, Error> {
        Ok(self.read()?.0)
    }

    /// Table and counters from the same dump.
    pub fn read(&mut self) -> Result<(Table, Statistics), Error> {
        Err(Error::NoIpvs {
            attempt: "not yet written".to_owned(),
        })
    }

    /// One service with its destinations; `None` when it does not exist.
    pub fn service(&mut self, key: &ServiceKey) -> Result<Option<ServiceEntry>, Error> {
        let _ = key;
        Err(Error::NoIpvs {
            attempt: "not yet written".to_owned(),
        })
    }

    /// Connections and counters of everything.
    pub fn statistics(&mut self) -> Result<Statistics, Error> {
        Ok(self.read()?.1)
    }

    /// Makes the changes, in their order, many to a write.
    ///
    /// Goes on after a refusal: each entry stands for itself. What is there already at an add is edited, what is gone at an
    /// edit is added, what is gone at a remove is fine.
    ///
    /// # Errors
    /// When the socket itself fails; what was done before is done.
    pub fn apply(&mut self, changes: &[Change]) -> Result<Applied, Error> {
        let _ = changes;
        Err(Error::NoIpvs {
            attempt: "not yet written".to_owned(),
        })
    }

    /// Removes every service of the namespace, whoever made it.
    pub fn flush(&mut self) -> Result<(), Error> {
        Err(Error::NoIpvs {
            attempt: "not yet written".to_owned(),
        })
    }

    /// Version and size of the connection table.
    pub fn info(&mut self) -> Result<Info, Error> {
        Err(Error::NoIpvs {
            attempt: "not yet written".to_owned(),
        })
    }
}
