//! Comments that name what holds because nothing is written.

use super::quote;
use crate::Config;
use crate::config::{InitialState, VrrpInstance, VrrpVersion};
use crate::grammar;
use crate::keywords::Context;
use crate::preprocess::Text;
use crate::tree::Tree;
use std::collections::HashMap;

/// A block that is being printed.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// Its node.
    pub(super) index: usize,
    /// What is in it.
    pub(super) context: Context,
}

/// Settings that matter most where they are not written.
fn important(context: Context) -> &'static [&'static str] {
    match context {
        Context::VrrpScript => &["interval", "weight", "rise", "fall"],
        Context::VrrpTrackProcess => &["quorum", "weight"],
        Context::BfdInstance => &["min_rx", "min_tx", "multiplier"],
        Context::VirtualServer => &["delay_loop", "lb_algo", "lb_kind", "quorum"],
        Context::TrackFileBlock | Context::RealServer => &["weight"],
        Context::MiscCheck => &["delay_loop"],
        Context::HttpGet
        | Context::SslGet
        | Context::TcpCheck
        | Context::SmtpCheck
        | Context::DnsCheck
        | Context::PingCheck
        | Context::UdpCheck
        | Context::ExpectCheck
        | Context::AgentCheck
        | Context::GrpcCheck => &["connect_timeout", "delay_loop", "retry", "delay_before_retry"],
        _ => &[],
    }
}

/// The instances under their names as they are printed.
pub(super) type Instances<'a> = HashMap<String, &'a VrrpInstance>;

/// All instances.
pub(super) fn instances(config: &Config) -> Instances<'_> {
    let instances = config.vrrp_instances.iter();
    instances
        .map(|instance| (quote::word(&instance.name), instance))
        .collect()
}

/// The comments of a block, which is the last of those around it.
pub(super) fn comments(instances: &Instances<'_>, tree: &Tree, text: &Text, around: &[Block]) -> Vec<String> {
    let Some(block) = around.last() else { return Vec::new() };
    let reader = Reader { tree, text };
    let settings = if block.context == Context::VrrpInstance {
        let instance = instances.get(&reader.arguments(block.index));
        instance.map(|instance| of_instance(instance)).unwrap_or_default()
    } else {
        let names = important(block.context).iter();
        names
            .filter_map(|name| Some((*name, reader.inherited(name, around)?)))
            .collect()
    };
    let missing = settings
        .into_iter()
        .filter(|(name, _)| reader.written(name, *block).is_none());
    missing
        .map(|(name, value)| format!("# default: {name} {value}"))
        .collect()
}

/// Three settings depend on others, so they come from the typed configuration.
fn of_instance(instance: &VrrpInstance) -> Vec<(&'static str, String)> {
    let state = match instance.state {
        InitialState::Master => "MASTER",
        InitialState::Backup => "BACKUP",
    };
    let version = match instance.version {
        VrrpVersion::V2 => "2",
        VrrpVersion::V3 => "3",
    };
    vec![
        ("state", state.to_owned()),
        ("version", version.to_owned()),
        ("priority", instance.priority.to_string()),
        ("advert_int", instance.advert_int.as_secs_f64().to_string()),
    ]
}

struct Reader<'a> {
    tree: &'a Tree,
    text: &'a Text,
}

impl Reader<'_> {
    /// What stands after the keyword of a node.
    fn arguments(&self, index: usize) -> String {
        let Some(node) = self.tree.node(index) else {
            return String::new();
        };
        let words = grammar::words(self.text.get(node.text.clone()), node.text.start);
        let words: Vec<String> = words.iter().skip(1).map(|word| quote::word(word.text)).collect();
        words.join(" ")
    }

    /// The last value that is written in a block.
    fn written(&self, name: &str, block: Block) -> Option<String> {
        let nodes = self.tree.children(block.index).filter(|(_, node)| {
            let keyword = node.keyword.map(|keyword| super::canonical(keyword, block.context));
            keyword.is_some_and(|keyword| keyword.name == name)
        });
        nodes.last().map(|(index, _)| self.arguments(index))
    }

    /// What the blocks around say, else the default of the innermost block that has one of its own.
    fn inherited(&self, name: &str, around: &[Block]) -> Option<String> {
        let mut outer = around.iter().rev().skip(1);
        if let Some(value) = outer.find_map(|block| self.written(name, *block)) {
            return Some(value);
        }
        around.iter().rev().find_map(|block| {
            let default = block.context.find(name)?.default;
            let value = default.split(" (").next().unwrap_or_default();
            // Some defaults are the value of another keyword, or of a block around.
            let names = |value: &str| {
                block.context.find(value).is_some() || Context::ALL.iter().any(|context| context.title() == value)
            };
            let plain = !value.is_empty() && !value.contains(' ') && !names(value);
            plain.then(|| value.to_owned())
        })
    }
}
