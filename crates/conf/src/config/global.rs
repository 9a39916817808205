//! `global_defs`.

use super::{ScriptUser, VrrpVersion};
use crate::source::Spanned;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// The settings for the whole node. The `vrrp_*` ones are defaults that [`super::VrrpInstance`] has already taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GlobalDefs {
    /// The node's name in mails; `None`: the host's name.
    pub router_id: Option<String>,
    /// Who gets mails.
    pub notification_email: Vec<String>,
    /// The sender of mails.
    pub notification_email_from: Option<String>,
    /// The mail relay.
    pub smtp_server: Option<SmtpServer>,
    /// The name sent in HELO; `None`: the host's name.
    pub smtp_helo_name: Option<String>,
    /// How long a connection to the mail relay may take. Default 30 s.
    pub smtp_connect_timeout: Duration,
    /// Default of `smtp_alert` everywhere.
    pub smtp_alert: Option<bool>,
    /// Whom scripts without a user of their own run as.
    pub script_user: Option<Spanned<ScriptUser>>,
    /// Refuse scripts that run as root and that someone else may change.
    pub enable_script_security: bool,
    /// The interface of static addresses without `dev`. Default `eth0`.
    pub default_interface: Option<Spanned<String>>,
    /// `vrrp_version`: the version of IPv4 instances. Default 2.
    pub vrrp_version: VrrpVersion,
    /// Multicast group of IPv4 adverts. Default 224.0.0.18.
    pub vrrp_mcast_group4: Ipv4Addr,
    /// Multicast group of IPv6 adverts. Default `ff02::12`.
    pub vrrp_mcast_group6: Ipv6Addr,
    /// Default of `garp_master_delay`: 5 s.
    pub vrrp_garp_master_delay: Duration,
    /// Default of `garp_master_repeat`: 5.
    pub vrrp_garp_master_repeat: u32,
    /// Default of `garp_master_refresh`: 0, off.
    pub vrrp_garp_master_refresh: Duration,
    /// Default of `garp_master_refresh_repeat`: 1.
    pub vrrp_garp_master_refresh_repeat: u32,
    /// Default of `garp_lower_prio_delay`; `None`: as `garp_master_delay`.
    pub vrrp_garp_lower_prio_delay: Option<Duration>,
    /// Default of `garp_lower_prio_repeat`; `None`: as `garp_master_repeat`.
    pub vrrp_garp_lower_prio_repeat: Option<u32>,
    /// Shortest time between two gratuitous ARPs on an interface. Default 0.
    pub vrrp_garp_interval: Duration,
    /// Shortest time between two unsolicited neighbour advertisements on an interface. Default 0.
    pub vrrp_gna_interval: Duration,
    /// Default of `down_timer_adverts`: 3.
    pub vrrp_down_timer_adverts: u8,
    /// Default of `lower_prio_no_advert`.
    pub vrrp_lower_prio_no_advert: bool,
    /// Default of `higher_prio_send_advert`: true, unlike keepalived. A master that loses answers once more, so that the
    /// winner knows of it and announces its addresses again.
    pub vrrp_higher_prio_send_advert: bool,
    /// Default of `skip_check_adv_addr`.
    pub vrrp_skip_check_adv_addr: bool,
    /// Default of `check_unicast_src`.
    pub vrrp_check_unicast_src: bool,
    /// How long to wait before VRRP starts. Default 0.
    pub vrrp_startup_delay: Duration,
    /// Log every failed check, not only changes of state.
    pub checker_log_all_failures: bool,
    /// Empty the whole IPVS table at start.
    pub lvs_flush: bool,
}

impl Default for GlobalDefs {
    fn default() -> Self {
        Self {
            router_id: None,
            notification_email: Vec::new(),
            notification_email_from: None,
            smtp_server: None,
            smtp_helo_name: None,
            smtp_connect_timeout: Duration::from_secs(30),
            smtp_alert: None,
            script_user: None,
            enable_script_security: false,
            default_interface: None,
            vrrp_version: VrrpVersion::V2,
            vrrp_mcast_group4: Ipv4Addr::new(224, 0, 0, 18),
            vrrp_mcast_group6: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12),
            vrrp_garp_master_delay: Duration::from_secs(5),
            vrrp_garp_master_repeat: 5,
            vrrp_garp_master_refresh: Duration::ZERO,
            vrrp_garp_master_refresh_repeat: 1,
            vrrp_garp_lower_prio_delay: None,
            vrrp_garp_lower_prio_repeat: None,
            vrrp_garp_interval: Duration::ZERO,
            vrrp_gna_interval: Duration::ZERO,
            vrrp_down_timer_adverts: 3,
            vrrp_lower_prio_no_advert: false,
            vrrp_higher_prio_send_advert: true,
            vrrp_skip_check_adv_addr: false,
            vrrp_check_unicast_src: false,
            vrrp_startup_delay: Duration::ZERO,
            checker_log_all_failures: false,
            lvs_flush: false,
        }
    }
}

/// `smtp_server HOST [PORT]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpServer {
    /// An address or a name that the user of the configuration looks up.
    pub host: String,
    /// Default 25.
    pub port: u16,
}
