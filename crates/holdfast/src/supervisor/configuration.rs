//! From the file to what the processes are told: load, check against this host, plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use holdfast_checker::tls::Identity;
use holdfast_conf::config::Reload;
use holdfast_conf::host::check_interfaces;
use holdfast_conf::{Class, Diagnostic, FileLoader, LoadOptions, Loaded, Severity};
use holdfast_health::settings::Settings as HealthSettings;
use holdfast_ipvs::table::ServiceKey;
use holdfast_vrrp::settings::NodeSettings;

use super::{EXIT_CONFIGURATION, EXIT_NOT_CONFIGURED, namespace};
use crate::cli::Arguments;
use crate::host::ThisHost;
use crate::ipc::{ToBfd, ToChecker, ToSnmp, ToVrrp};
use crate::places::Places;
use crate::plan;
use crate::plan::buffers::{NetlinkBuffers, VrrpBuffers};
use crate::plan::commands::CommandTable;
use crate::plan::dbus::DbusPlan;
use crate::plan::ipvs::IpvsSettings;
use crate::plan::links::LinkPlan;
use crate::plan::lvs_sysctls::SysctlPlan;
use crate::plan::marks::{GroupMark, Marks};
use crate::plan::notify::NotifyPlan;
use crate::plan::process_attributes::ProcessTable;
use crate::plan::routing::RoutingPlan;
use crate::plan::scripts::LifeScripts;
use crate::plan::snmp::{SnmpOptions, SnmpPlan};
use crate::plan::trackers::TrackerTable;
use crate::state_files::StateFilePlan;

/// A configuration that can be run.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// For the VRRP process
    pub vrrp: NodeSettings,
    /// For the BFD process
    pub bfd: holdfast_bfd::NodeSettings,
    /// For the VRRP process
    pub routing: RoutingPlan,
    /// For the VRRP process
    pub vrrp_buffers: VrrpBuffers,
    /// For the checker process
    pub checker_buffers: NetlinkBuffers,
    /// For the checker process
    pub health: HealthSettings,
    /// For the checker process: what this node shows of itself over TLS
    pub identity: Identity,
    /// For the VRRP process: interfaces besides the elections
    pub links: LinkPlan,
    /// For the SNMP process
    pub snmp: Option<SnmpPlan>,
    /// The service on D-Bus
    pub dbus: Option<DbusPlan>,
    /// What is written on request, and where
    pub state_files: StateFilePlan,
    /// `net_namespace` or `-s`
    pub namespace: Option<String>,
    /// For the checker process: IPVS as a whole
    pub ipvs: IpvsSettings,
    /// Marks of groups
    pub marks: Marks,
    /// Settings of the kernel's IPVS
    pub lvs_sysctls: SysctlPlan,
    /// Where it says that it runs
    pub places: Places,
    /// How a reload comes about
    pub reload: Reload,
    /// `umask`
    pub umask: Option<u16>,
    /// How the processes run
    pub processes: ProcessTable,
    /// `child_wait_time`: how long children may take to give up what they hold
    pub child_wait_time: Duration,
    /// `lvs_flush`
    pub flush_ipvs: bool,
    /// Whom the supervisor tells of changes
    pub notify: NotifyPlan,
    /// `startup_script` and `shutdown_script`
    pub life: LifeScripts,
    /// What the supervisor finds out for the VRRP process
    pub trackers: TrackerTable,
    /// What the supervisor runs for the checker process
    pub commands: CommandTable,
    /// What there is to say about the file, a line each
    pub messages: Vec<String>,
    /// Whether an error is among the messages
    has_errors: bool,
}

/// A configuration that cannot be run.
#[derive(Debug)]
pub struct LoadError {
    /// Why, a line each
    pub messages: Vec<String>,
    /// The exit status of a daemon that cannot start with it
    pub exit_status: u8,
}

impl LoadError {
    /// There is a configuration, and it cannot be used.
    pub const fn unusable(messages: Vec<String>) -> Self {
        Self {
            messages,
            exit_status: EXIT_CONFIGURATION,
        }
    }
}

impl Configuration {
    /// Reads the file. Parts with errors are left out, as keepalived does at its start.
    ///
    /// Fails when nothing is left to run, or when an instance could not do what it is for.
    pub fn load(arguments: &Arguments) -> Result<Self, LoadError> {
        let Loaded {
            mut config,
            diagnostics,
            sources,
            ..
        } = holdfast_conf::load(
            &FileLoader,
            &arguments.config_file,
            &load_options(arguments.config_id.as_deref()),
        );
        let directory = arguments.config_file.parent().unwrap_or(Path::new(""));
        let keys = plan::keys::read_key_files(&mut config, directory);
        let identity = plan::identity::read_identity(&config, directory);
        let identity_is_bad = identity.has_errors();
        let (notify, notify_messages) = NotifyPlan::from_config(&config);
        let (life, life_messages) = LifeScripts::from_config(&config);
        let (commands, command_messages) = CommandTable::from_config(&config);
        let (trackers, tracker_messages) = TrackerTable::from_config(&config);
        let mut messages: Vec<String> = diagnostics
            .iter()
            .map(|diagnostic| diagnostic.one_line(&sources))
            .collect();
        messages.extend(keys.messages);
        messages.extend(identity.messages);
        messages.extend(notify_messages);
        messages.extend(life_messages);
        messages.extend(command_messages);
        messages.extend(tracker_messages);
        let absent = check_interfaces(&config, &ThisHost::look());
        messages.extend(absent.iter().map(|diagnostic| diagnostic.one_line(&sources)));
        let mut fatal = diagnostics.iter().filter(|diagnostic| diagnostic.is_fatal());
        if let Some(first) = fatal.next() {
            let is_absent = [first].into_iter().chain(fatal).any(is_of_files);
            return Err(LoadError {
                messages,
                exit_status: if is_absent {
                    EXIT_NOT_CONFIGURED
                } else {
                    EXIT_CONFIGURATION
                },
            });
        }
        let marks = Marks::give(&config);
        let mut vrrp = plan::vrrp::node_settings(&config, &trackers);
        let (links, link_messages) = plan::links::link_plan(&config, &vrrp);
        messages.extend(link_messages);
        let (dbus, dbus_messages) = DbusPlan::from_config(&config, &vrrp);
        messages.extend(dbus_messages);
        let namespace = arguments
            .namespace
            .clone()
            .or_else(|| config.daemon.net_namespace.clone());
        let options = SnmpOptions {
            everything: arguments.snmp,
            agent: arguments.snmp_agent_socket.clone(),
        };
        let (snmp, snmp_messages) = SnmpPlan::from_config(&config, &options, namespace.as_deref());
        messages.extend(snmp_messages);
        vrrp.rfc_traps = snmp.as_ref().is_some_and(SnmpPlan::sends_rfc_traps);
        Ok(Self {
            state_files: StateFilePlan::from_config(&config, &vrrp),
            snmp,
            vrrp_buffers: plan::buffers::vrrp_buffers(&config, &vrrp),
            checker_buffers: plan::buffers::checker_buffers(&config),
            vrrp,
            links,
            dbus,
            bfd: plan::bfd::node_settings(&config),
            routing: plan::routing::routing_plan(&config),
            health: plan::health::settings(&config, &commands, &marks),
            identity: identity.identity,
            ipvs: plan::ipvs::settings(&config, &namespace::initial(), &marks),
            marks,
            lvs_sysctls: SysctlPlan::from_config(&config),
            places: Places::new(arguments, &config.daemon, namespace.as_deref()),
            reload: config.global_defs.reload.clone(),
            umask: arguments.umask.or(config.global_defs.files.umask),
            namespace,
            processes: ProcessTable::from_config(&config),
            child_wait_time: config.daemon.child_wait_time,
            flush_ipvs: config.global_defs.lvs_flush,
            notify,
            life,
            commands,
            trackers,
            messages,
            has_errors: keys.has_errors
                || identity_is_bad
                || diagnostics
                    .iter()
                    .any(|diagnostic| diagnostic.severity == Severity::Error),
        })
    }

    /// No process can be watched on this host: nothing tracks them.
    pub fn without_processes(mut self, reason: &str) -> Self {
        self.messages.extend(self.trackers.disable_processes(reason));
        for instance in &mut self.vrrp.instances {
            instance.tracked_processes.clear();
        }
        self
    }

    /// Refuses a configuration with errors: at a reload something better is running already.
    pub fn without_errors(self) -> Result<Self, LoadError> {
        if self.has_errors {
            Err(LoadError::unusable(self.messages))
        } else {
            Ok(self)
        }
    }

    /// Gives groups the marks that they had.
    pub fn keeping_marks(mut self, former: &[GroupMark]) -> Self {
        let others = self.marks.keep(former);
        if let Some(marks) = &mut self.ipvs.marks {
            marks.replace(&others);
        }
        let services = self.health.virtual_servers.iter_mut();
        for service in services.flat_map(|server| &mut server.services) {
            if let ServiceKey::Fwmark { mark, .. } = service {
                *mark = others.get(mark).copied().unwrap_or(*mark);
            }
        }
        self
    }

    /// The services that it names.
    pub fn services(&self) -> impl Iterator<Item = ServiceKey> {
        let servers = self.health.virtual_servers.iter();
        servers.flat_map(|server| server.services.iter().copied())
    }

    /// Refuses what a running daemon cannot change.
    pub fn succeeding(self, running: &Self) -> Result<Self, LoadError> {
        let changed = if self.namespace != running.namespace {
            "net_namespace"
        } else if self.places.suffix != running.places.suffix {
            "instance"
        } else {
            return Ok(self);
        };
        let mut messages = self.messages;
        messages.push(format!("{changed} changed: that needs a restart"));
        Err(LoadError::unusable(messages))
    }

    /// What the VRRP process is told.
    pub fn for_vrrp(&self) -> ToVrrp {
        ToVrrp::Configure {
            settings: Box::new(self.vrrp.clone()),
            routing: Box::new(self.routing.clone()),
            buffers: Box::new(self.vrrp_buffers.clone()),
            links: Box::new(self.links.clone()),
        }
    }

    /// What the checker process is told.
    pub fn for_checker(
        &self,
        flush: bool,
        made: BTreeSet<ServiceKey>,
        sync_is_master: bool,
        files: BTreeMap<String, i64>,
    ) -> ToChecker {
        let settings = HealthSettings {
            files,
            ..self.health.clone()
        };
        ToChecker::Configure {
            settings: Box::new(settings),
            identity: Box::new(self.identity.clone()),
            ipvs: Box::new(self.ipvs.clone()),
            buffers: self.checker_buffers,
            sync_is_master,
            flush,
            made,
        }
    }

    /// Whether there is work for the VRRP process.
    pub fn needs_vrrp(&self, arguments: &Arguments) -> bool {
        !(arguments.checker_only || self.vrrp.instances.is_empty() && self.routing.statics.is_empty())
    }

    /// What the BFD process is told.
    pub fn for_bfd(&self, succeeds: bool) -> ToBfd {
        ToBfd::Configure {
            settings: Box::new(self.bfd.clone()),
            succeeds,
        }
    }

    /// What the SNMP process is told.
    pub fn for_snmp(&self) -> ToSnmp {
        ToSnmp::Configure(self.snmp.clone().map(Box::new))
    }

    /// Whether there is work for the BFD process.
    pub fn needs_bfd(&self, arguments: &Arguments) -> bool {
        !arguments.no_bfd && !self.bfd.instances.is_empty()
    }

    /// Whether there is work for the checker process.
    pub fn needs_checker(&self, arguments: &Arguments) -> bool {
        let has_work =
            !self.health.virtual_servers.is_empty() || self.ipvs.sync.is_some() || self.ipvs.timeouts.is_some();
        !arguments.vrrp_only && has_work
    }
}

/// What the command line and the host add to the language.
pub fn load_options(config_id: Option<&str>) -> LoadOptions {
    let host = nix::unistd::gethostname()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let id = config_id.map_or_else(|| host.split('.').next().unwrap_or_default().to_owned(), str::to_owned);
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let random_seed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |length| length.as_secs());
    LoadOptions {
        config_id: Some(id),
        environment,
        random_seed,
    }
}

/// Whether the configuration is not there, or not all of it.
fn is_of_files(diagnostic: &Diagnostic) -> bool {
    matches!(diagnostic.class, Some(Class::FileNotFound | Class::IncludeCheck))
}
