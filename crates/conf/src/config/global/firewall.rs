//! Packet filters.

use serde::{Deserialize, Serialize};

/// `vrrp_iptables`: the chains that rules go into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpIptables {
    /// Default `INPUT`.
    pub input: String,
    /// Default `OUTPUT`; `None`: no rules for what goes out.
    pub output: Option<String>,
}

/// `vrrp_ipsets`: the names of the sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VrrpIpsets {
    /// No sets are used.
    Off,
    /// The names as written: `ADDR [ADDR6 [IF6 [IGMP [MLD [ND]]]]]`; the others follow from the first.
    Named(Vec<String>),
}

/// `nftables` and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nftables {
    /// `nftables`: the name of the table, `keepalived` when none is given; `None`: nftables is not used.
    pub table: Option<String>,
    /// `nftables_priority` of the base chains. Default -1.
    pub priority: i32,
    /// `nftables_ifindex`: rules name interfaces by index.
    pub ifindex: bool,
    /// `nftables_counters`: rules count, those of `nftables_ipvs` too.
    pub counters: bool,
}

impl Default for Nftables {
    fn default() -> Self {
        Self {
            table: None,
            priority: -1,
            ifindex: false,
            counters: false,
        }
    }
}
