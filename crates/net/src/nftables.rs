//! nftables without a program and without a library: tables, chains, sets, maps and rules as plain data, written as one
//! batch that the kernel takes as a whole or not at all.
//!
//! ```text
//! let mut batch = Batch::default();
//! batch.add_table(&table);
//! batch.add_set(&table, &set);
//! batch.add_elements(&table, "vips", &elements);
//! nftables.apply(&batch).await?;
//! ```
#![deny(clippy::arithmetic_side_effects)]

mod batch;
mod expression;
mod socket;
mod watch;

pub use batch::{Batch, Chain, Element, Hook, Set, SetFlags, Table, TableFamily};
pub use expression::{Comparison, Expression, MetaKey, PayloadBase, Register, Verdict};
pub use socket::Nftables;
pub use watch::{TableEvent, TableWatch};

/// Numbers by which the `nft` program knows what the bytes of a key are (`enum datatypes`); the kernel does not care.
/// Keys of several parts: [`DataType::concatenated`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataType(pub u32);

impl DataType {
    /// `ipv4_addr`, 4 bytes.
    pub const IPV4_ADDRESS: Self = Self(7);
    /// `ipv6_addr`, 16 bytes.
    pub const IPV6_ADDRESS: Self = Self(8);
    /// `inet_proto`, 1 byte.
    pub const INET_PROTOCOL: Self = Self(12);
    /// `inet_service`: a port, 2 bytes in network order.
    pub const INET_SERVICE: Self = Self(13);
    /// `mark`, 4 bytes in the machine's order.
    pub const MARK: Self = Self(19);
    /// `iface_index`, 4 bytes in the machine's order.
    pub const INTERFACE_INDEX: Self = Self(20);
    /// `icmpv6_type`, 1 byte.
    pub const ICMPV6_TYPE: Self = Self(29);
    /// `ifname`, 16 bytes filled up with zeros.
    pub const INTERFACE_NAME: Self = Self(41);

    /// The type of a key whose parts follow each other, each filled up to four bytes.
    pub fn concatenated(parts: &[Self]) -> Self {
        /// `TYPE_BITS`
        const BITS: u32 = 6;
        Self(parts.iter().fold(0, |all, part| (all << BITS) | part.0))
    }

    /// How `nft` is told which order the bytes are in (`enum byteorder`).
    const fn byte_order(self) -> u32 {
        const OF_THE_MACHINE: u32 = 1;
        const OF_THE_NETWORK: u32 = 2;
        match self {
            Self::MARK | Self::INTERFACE_INDEX => OF_THE_MACHINE,
            _ => OF_THE_NETWORK,
        }
    }
}

#[cfg(test)]
mod tests;
