//! Counters of an instance, named as keepalived names them in its JSON.

use serde::{Deserialize, Serialize};

/// Statistics since the instance was first configured; a reload keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Advertisements that passed the checks.
    pub advert_rcvd: u64,
    /// Advertisements sent; one to several peers counts once.
    pub advert_sent: u64,
    /// Times the instance became master.
    pub become_master: u64,
    /// Times it ceased to be master.
    pub release_master: u64,
    /// Size does not fit the number of addresses.
    pub packet_len_err: u64,
    /// Advertisement interval differs (version 2) or is 0 (version 3).
    pub advert_interval_err: u64,
    /// TTL or hop limit not 255, or outside a peer's limits.
    pub ip_ttl_err: u64,
    /// Not an advertisement.
    pub invalid_type_rcvd: u64,
    /// Other addresses than ours, multicast for unicast or the reverse, or not from a peer.
    pub addr_list_err: u64,
    /// Unknown authentication type.
    pub invalid_authtype: u64,
    /// Another authentication type than ours.
    pub authtype_mismatch: u64,
    /// Wrong password, or an authentication header that is wrong or was heard before.
    pub auth_failure: u64,
    /// Not signed, and `auth_hmac` wants that.
    pub auth_ext_missing: u64,
    /// A trailer that cannot be read.
    pub auth_ext_malformed: u64,
    /// Signed with a key that we do not have.
    pub auth_ext_unknown_key: u64,
    /// Wrong signature.
    pub auth_ext_invalid_hmac: u64,
    /// Signed outside the time window.
    pub auth_ext_stale: u64,
    /// Signed, and heard before.
    pub auth_ext_replay: u64,
    /// Priority 0 received.
    pub pri_zero_rcvd: u64,
    /// Priority 0 sent.
    pub pri_zero_sent: u64,
    /// Another version than ours (SNMP only in keepalived).
    pub vers_err: u64,
    /// Wrong checksum (SNMP only in keepalived).
    pub chk_err: u64,
}
