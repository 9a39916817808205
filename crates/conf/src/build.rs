//! The tree becomes the typed configuration: arguments are read as the table of keywords says, then defaults,
//! inheritance and cross checks are applied.

mod address;
mod argument;
mod bfd;
mod checker;
mod daemon;
mod global;
mod link;
mod real_server;
mod recovery;
mod resolve;
mod route;
mod rule;
mod server_address;
mod server_group;
mod service;
mod sync_group;
mod track;
mod virtual_server;
mod vrrp;

use crate::config::{Config, NotInEffect, Script};
use crate::diagnostic::{Diagnostic, Findings, findings};
use crate::grammar::{self, Word};
use crate::keywords::{Context, Keyword, Shape, Status, Value};
use crate::preprocess::Text;
use crate::source::{Loader, Span, Spanned};
use crate::tree::{Node, Tree};
use argument::Argument;
use global::GlobalDraft;
use resolve::ReadVirtualServer;
use route::host_names::HostNames;
use server_group::Entry;
use std::borrow::Borrow;
use std::collections::hash_map;
use std::collections::{BTreeMap, HashMap};

/// What a tree means. The loader is asked for the names that the host gives to tables and the like.
pub(crate) fn build(text: &Text, tree: &Tree, loader: &dyn Loader, diagnostics: &mut Findings) -> Config {
    let mut builder = Builder {
        text,
        tree,
        diagnostics,
        config: Config::default(),
        global: GlobalDraft::default(),
        sync_groups: Vec::new(),
        server_groups: HashMap::new(),
        virtual_servers: Vec::new(),
        names: HashMap::new(),
        first_script: None,
        trackers: track::Trackers::default(),
        rules_without_preference: rule::WithoutPreference::default(),
        host_names: HostNames::new(loader),
        dead_blocks: BTreeMap::new(),
    };
    builder.roots();
    builder.finish()
}

struct Builder<'a> {
    text: &'a Text,
    tree: &'a Tree,
    diagnostics: &'a mut Findings,
    config: Config,
    global: GlobalDraft,
    sync_groups: Vec<sync_group::SyncGroupDraft>,
    /// The entries of each `virtual_server_group`.
    server_groups: HashMap<String, Vec<Entry>>,
    virtual_servers: Vec<ReadVirtualServer>,
    /// Names of blocks by keyword, and where they were given.
    names: HashMap<(&'static str, String), Span>,
    /// Whether scripts are secure is asked only when there are scripts.
    first_script: Option<Span>,
    /// What instances can track.
    trackers: track::Trackers,
    rules_without_preference: rule::WithoutPreference,
    /// Names of tables and the like.
    host_names: HostNames<'a>,
    /// Blocks that are not in effect and not read yet, by node.
    dead_blocks: BTreeMap<usize, Context>,
}

/// A statement or block whose keyword may stand where it stands and whose argument is well formed.
struct Item<'a> {
    /// The index of its node.
    node: usize,
    /// The row of the table, aliases replaced by what they stand for.
    keyword: &'static Keyword,
    /// The words, the keyword first.
    words: Vec<Word<'a>>,
    argument: Argument,
    /// The whole statement.
    span: Span,
}

impl<'a> Item<'a> {
    /// A word after the keyword, from 1.
    fn word(&self, index: usize) -> Option<Word<'a>> {
        self.words.get(index).copied()
    }
}

impl<'a> Builder<'a> {
    fn roots(&mut self) {
        let tree = self.tree;
        let count = |name: &str| {
            let named = |node: &Node| node.keyword.is_some_and(|keyword| keyword.name == name);
            tree.roots().filter(|(_, node)| named(node)).count()
        };
        // Large lists that grow bit by bit leave holes in the memory.
        self.config.vrrp_instances.reserve_exact(count("vrrp_instance"));
        self.virtual_servers.reserve_exact(count("virtual_server"));
        for (node, _) in tree.roots() {
            let Some(item) = self.item(node, Context::Top) else {
                continue;
            };
            match item.keyword.name {
                "global_defs" => self.global_defs(&item),
                "vrrp_instance" => self.vrrp_instance(&item),
                "vrrp_sync_group" => self.vrrp_sync_group(&item),
                "vrrp_script" => self.vrrp_script(&item),
                "vrrp_track_process" => self.vrrp_track_process(&item),
                "track_file" => self.track_file(&item),
                "bfd_instance" => self.bfd_instance(&item),
                "track_group" => self.track_group(&item),
                "static_ipaddress" => self.static_addresses(&item),
                "static_routes" => {
                    let routes = self.routes(item.node, Context::StaticRoutes);
                    self.config.static_routes.extend(routes);
                }
                "static_rules" => {
                    let rules = self.rules(item.node, Context::StaticRules);
                    self.config.static_rules.extend(rules);
                }
                "linkbeat_use_polling" => self.config.linkbeat_use_polling = true,
                "garp_group" => self.garp_group(&item),
                "linkbeat_interfaces" => self.linkbeat_interfaces(&item),
                "interface_up_down_delays" => self.interface_up_down_delays(&item),
                "virtual_server_group" => self.virtual_server_group(&item),
                "virtual_server" => self.virtual_server(&item),
                "SSL" => self.ssl(&item),
                _ => self.daemon_setting(&item),
            }
        }
    }

    fn finish(mut self) -> Config {
        // All blocks are read: nobody asks for their names again, and of many blocks they take much memory.
        self.names = HashMap::new();
        for (block, context) in std::mem::take(&mut self.dead_blocks) {
            self.check_block(block, context);
        }
        self.finish_instances();
        self.finish_sync_groups();
        self.finish_track_groups();
        self.finish_static_addresses();
        self.check_unused_scripts();
        self.finish_virtual_servers();
        self.check_security();
        self.config.global_defs = self.global.global_defs;
        self.config
    }

    fn check_security(&mut self) {
        let Some(span) = self
            .first_script
            .filter(|_| !self.global.global_defs.enable_script_security)
        else {
            return;
        };
        self.report(
            Diagnostic::new(
                findings::SECURITY,
                "Scripts run although enable_script_security is not set: whoever may change one gets their user's rights",
                Some(span),
            )
            .hint("write enable_script_security in global_defs, and script_user with an unprivileged user"),
        );
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The statements of a block of keywords.
    fn items(&mut self, block: usize, context: Context) -> Vec<Item<'a>> {
        let tree = self.tree;
        let in_effect = self.dead_blocks.remove(&block).is_none();
        tree.children(block)
            .filter_map(|(node, _)| self.statement(node, context, in_effect))
            .collect()
    }

    /// Reads a statement; says that it is deprecated or not yet in effect.
    fn item(&mut self, index: usize, context: Context) -> Option<Item<'a>> {
        self.statement(index, context, true)
    }

    /// Reads a statement. What stands in a block that is not in effect is not either; that was said for the block.
    fn statement(&mut self, index: usize, context: Context, block_in_effect: bool) -> Option<Item<'a>> {
        let (text, tree) = (self.text, self.tree);
        let node = tree.node(index)?;
        let written = node.keyword?;
        let words = grammar::words(text.get(node.text.clone()), node.text.start);
        let span = text.span(node.text.clone());
        let mut keyword = written;
        let mut in_effect = written.status != Status::NotYet;
        self.deprecated(written, &words);
        if let Some(alias) = written.alias {
            match context.find(alias.of) {
                Some(meant) => {
                    keyword = meant;
                    in_effect = meant.status != Status::NotYet;
                }
                None => in_effect = false,
            }
        }
        if block_in_effect && !in_effect {
            self.not_in_effect(written, context, self.keyword_span(&words));
        }
        let argument = self.argument(keyword, &words, node.text.clone())?;
        let item = Item {
            node: index,
            keyword,
            words,
            argument,
            span,
        };
        if let Some(inner) = keyword.block().filter(|_| !block_in_effect || !in_effect) {
            self.dead_blocks.insert(index, inner);
        }
        Some(item)
    }

    fn deprecated(&mut self, keyword: &Keyword, words: &[Word<'_>]) {
        let Some(alias) = keyword.alias.filter(|alias| alias.deprecated) else {
            return;
        };
        let message = format!("'{}' is deprecated", keyword.name);
        let span = self.keyword_span(words);
        let hint = format!("write '{}'", alias.of);
        self.report(Diagnostic::new(findings::DEPRECATED, message, Some(span)).hint(hint));
    }

    fn keyword_span(&self, words: &[Word<'_>]) -> Span {
        words.first().map(|word| word.span(self.text)).unwrap_or_default()
    }

    fn not_in_effect(&mut self, keyword: &Keyword, context: Context, span: Span) {
        let context = if context == Context::Top { "" } else { context.title() };
        let place = if context.is_empty() {
            String::new()
        } else {
            format!(" in {context}")
        };
        let message = format!("'{}'{place} is known, but not yet in effect", keyword.name);
        self.report(Diagnostic::new(findings::NOT_IN_EFFECT, message, Some(span)));
        let (keyword, context) = (keyword.name.to_owned(), context.to_owned());
        self.config.not_in_effect.push(NotInEffect { keyword, context, span });
    }

    /// Checks the arguments in a block that nothing reads. That it does nothing was said for the block.
    fn check_block(&mut self, block: usize, context: Context) {
        if context.shape() != Shape::Keywords {
            return;
        }
        let tree = self.tree;
        for (index, node) in tree.children(block) {
            let Some(keyword) = node.keyword else { continue };
            let words = grammar::words(self.text.get(node.text.clone()), node.text.start);
            self.deprecated(keyword, &words);
            self.argument(keyword, &words, node.text.clone());
            if let Some(inner) = keyword.block() {
                self.check_block(index, inner);
            }
        }
    }

    /// The lines of a block of lines.
    fn lines(&mut self, block: usize) -> Vec<Vec<Word<'a>>> {
        let (text, tree) = (self.text, self.tree);
        let line = |text_range: std::ops::Range<u32>| grammar::words(text.get(text_range.clone()), text_range.start);
        tree.children(block)
            .map(|(_, node)| line(node.text.clone()))
            .filter(|words| !words.is_empty())
            .collect()
    }

    /// All words of a block of names.
    fn names(&mut self, block: usize) -> Vec<Spanned<String>> {
        let lines = self.lines(block);
        lines.into_iter().flatten().map(|word| self.spanned(word)).collect()
    }

    fn spanned(&self, word: Word<'_>) -> Spanned<String> {
        Spanned::new(word.text.to_owned(), word.span(self.text))
    }

    /// The first word after the keyword of a block.
    fn first_name(&mut self, item: &Item<'_>) -> Option<Spanned<String>> {
        let kind = item.keyword.name;
        let Some(name) = item.word(1) else {
            let message = format!("{kind} lacks its name; the block is skipped");
            self.report(Diagnostic::new(findings::NO_NAME, message, Some(item.span)).hint(format!("{kind} NAME {{")));
            return None;
        };
        Some(self.spanned(name))
    }

    /// The name of a block, which must have exactly one.
    fn given_name(&mut self, item: &Item<'_>) -> Option<Spanned<String>> {
        let kind = item.keyword.name;
        let name = self.first_name(item)?;
        if let Some(extra) = item.word(2) {
            let message = format!("{kind} takes one name; the block is skipped");
            let span = extra.span(self.text);
            self.report(
                Diagnostic::new(findings::NO_NAME, message, Some(span)).hint("write a name of several words in quotes"),
            );
            return None;
        }
        Some(name)
    }

    /// The name of a block, which no other of its kind has.
    fn block_name(&mut self, item: &Item<'_>) -> Option<Spanned<String>> {
        let kind = item.keyword.name;
        let name = self.given_name(item)?;
        match self.names.entry((kind, name.value.clone())) {
            hash_map::Entry::Vacant(entry) => {
                entry.insert(name.span);
                Some(name)
            }
            hash_map::Entry::Occupied(first) => {
                let first = *first.get();
                let message = format!("{kind} {name} is defined twice; the second block is skipped");
                self.report(
                    Diagnostic::new(findings::DUPLICATE_NAME, message, Some(name.span))
                        .note("first defined here", Some(first)),
                );
                None
            }
        }
    }

    /// Takes a script unless there is one already.
    fn set_script<S: From<Script> + Borrow<Script>>(&mut self, target: &mut Option<S>, item: Item<'_>) {
        let Argument::Script(script) = item.argument else {
            return;
        };
        if let Some(first) = target {
            let message = format!("{} is given twice; the second one is ignored", item.keyword.name);
            let first = (*first).borrow().span;
            self.report(
                Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)).note("the first is here", Some(first)),
            );
        } else {
            *target = Some(script.into());
        }
    }

    /// A checked value of an option on a line: the word after `at`, within the limits that the table gives.
    fn option_number(&mut self, line: &[Word<'a>], at: usize, context: Context) -> Option<i64> {
        let name = line.get(at)?;
        let Some(Value::Integer(least, most)) = context.find(name.text).map(|row| row.value) else {
            return None;
        };
        let Some(word) = line.get(at + 1) else {
            let message = format!("'{}' lacks its number", name.text);
            let span = name.span(self.text);
            self.report(Diagnostic::new(findings::MISSING_ARGUMENT, message, Some(span)));
            return None;
        };
        self.integer(name.text, *word, least, most)
    }
}
