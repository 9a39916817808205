//! Settings of the kernel that decide what becomes of connections: what the file sets, and which values would lose clients.

use std::collections::BTreeMap;

use holdfast_conf::config::Config;
use holdfast_conf::lint::concerns;
use holdfast_net::Sysctl;

/// A value of the kernel's that would lose clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelConcern {
    /// All of these settings have these values: then it is so
    pub conditions: Vec<(Sysctl, &'static str)>,
    /// What there is to say then
    pub message: String,
}

/// What concerns the kernel's settings of IPVS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SysctlPlan {
    /// `lvs_sysctl`
    pub wanted: BTreeMap<Sysctl, String>,
    /// Said where they come true
    pub concerns: Vec<KernelConcern>,
}

impl SysctlPlan {
    /// The settings in a file.
    pub fn from_config(config: &Config) -> Self {
        let set = config.global_defs.lvs_sysctls.iter();
        let wanted = set.map(|it| (Sysctl::new(["net", "ipv4", "vs", &it.name.value]), it.value.clone()));
        let concern = |it: holdfast_conf::lint::Concern| {
            let conditions = it.conditions.iter();
            let values: Vec<String> = conditions
                .clone()
                .map(|(name, value)| format!("{name} is {value}"))
                .collect();
            let more = match it.places.len() {
                0 | 1 => String::new(),
                all => format!(" (and {} more like it)", all.saturating_sub(1)),
            };
            KernelConcern {
                conditions: conditions
                    .map(|(name, value)| (Sysctl::new(name.split('.')), *value))
                    .collect(),
                message: format!("{}{more}: {}; {}", it.message, values.join(", "), it.remedy),
            }
        };
        Self {
            wanted: wanted.collect(),
            concerns: concerns(config).into_iter().map(concern).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;

    fn plan(global: &str, server: &str) -> SysctlPlan {
        let text = format!(
            "global_defs {{\n{global}\n}}\nvirtual_server 192.0.2.1 80 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n{server}\n\
             real_server 192.0.2.61 80 {{\nTCP_CHECK {{\n}}\n}}\n}}\n"
        );
        let loader = MemoryLoader::new().with("/k.conf", text);
        let config = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config;
        SysctlPlan::from_config(&config)
    }

    #[test]
    fn what_the_file_sets_and_what_it_depends_on() {
        let shown = |plan: &SysctlPlan| -> Vec<String> {
            let all = plan.concerns.iter().flat_map(|it| &it.conditions);
            all.map(|(sysctl, value)| format!("{sysctl}={value}")).collect()
        };
        let plain = plan("", "");
        assert!(plain.wanted.is_empty());
        assert_eq!(
            shown(&plain),
            ["net.ipv4.vs.expire_nodest_conn=0", "net.ipv4.ip_forward=0"]
        );
        let set = plan("lvs_sysctl expire_nodest_conn 1\nlvs_sysctl sync_threshold 2 40", "");
        let wanted: Vec<String> = set
            .wanted
            .iter()
            .map(|(sysctl, value)| format!("{sysctl}={value}"))
            .collect();
        assert_eq!(
            wanted,
            ["net.ipv4.vs.expire_nodest_conn=1", "net.ipv4.vs.sync_threshold=2\t40"]
        );
        let kept = plan("", "inhibit_on_failure");
        assert_eq!(
            shown(&kept),
            [
                "net.ipv4.vs.conn_reuse_mode=0",
                "net.ipv4.vs.expire_nodest_conn=0",
                "net.ipv4.ip_forward=0"
            ]
        );
    }
}
