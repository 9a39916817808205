//! One director after the other, step by step.

use std::time::SystemTime;

use anyhow::{Result, ensure};
use bed::daemon::{Daemon, Software};

use crate::bench::{Bench, Story, is_master, is_no_master};
use crate::configurations::{self, Configuration};
use crate::tables;

/// All transitions, one after the other.
pub(crate) fn transitions(software: Software) -> Result<Story> {
    let bench = Bench::new()?;
    let mut story = Story::default();
    let before = story.tell(&bench, "before", |_| true)?;
    let watch = bench.watch()?;
    let daemon = Daemon::start(software, &bench.director, &Configuration::ALL.text())?;
    let has_statics = |tables: &str| tables.contains("702:");
    let backup = story.tell(&bench, "backup", |tables| has_statics(tables) && is_no_master(tables))?;
    ensure!(backup != before, "no static objects");
    let started = SystemTime::now();
    let master = story.tell(&bench, "master", is_master)?;
    let order_of_takeover = tables::order(&watch, started);

    let rival = Configuration::RIVAL.text();
    let rival = Daemon::start(Software::Keepalived, &bench.rival, &rival)?;
    let since = SystemTime::now();
    story.tell(&bench, "backup of another", is_no_master)?;
    let order_of_release = tables::order(&watch, since);
    rival.stop()?;
    story.tell(&bench, "master again", is_master)?;

    bench.network.pull(&bench.port)?;
    story.tell(&bench, "fault", is_no_master)?;
    bench.network.put_back(&bench.port)?;
    story.tell(&bench, "master after a fault", is_master)?;

    daemon.reload(&Configuration::OTHER.text())?;
    let is_other = |tables: &str| tables.contains("from 10.46.0.0/16") && !tables.contains("from 10.44.0.0/16");
    let other = story.tell(&bench, "master after a reload", is_other)?;
    ensure!(other != master, "a reload without effect");

    daemon.kill()?;
    story.tell(&bench, "killed", |_| true)?;
    let daemon = Daemon::start(software, &bench.director, &Configuration::OTHER.text())?;
    let leftovers = bench.wait_for_tables("backup after being killed", is_no_master)?;
    let without = tables::without_virtual_routes(&leftovers);
    // keepalived 2.2 says that it removes them, and does not.
    let are_gone = software == Software::Keepalived || without == leftovers;
    ensure!(are_gone, "{}", tables::difference(&without, &leftovers));
    story.0.push(("backup after being killed", without));
    story.tell(&bench, "master after being killed", is_other)?;
    daemon.stop()?;
    let after = story.tell(&bench, "stopped", |_| true)?;
    ensure!(after == before, "left behind: {}", tables::difference(&before, &after));
    story.0.push(("order of takeover", order_of_takeover));
    story.0.push(("order of release", order_of_release));
    Ok(story)
}

/// Lines that keepalived makes something else of, or nothing, mean what they say.
pub(crate) fn what_is_written_is_there(software: Software) -> Result<()> {
    let bench = Bench::new()?;
    let configuration = Configuration {
        addresses: configurations::BEYOND_ADDRESSES,
        routes: configurations::BEYOND_ROUTES,
        ..Configuration::OTHER
    };
    let before = bench.wait_for_tables("before", |_| true)?;
    let daemon = Daemon::start(software, &bench.director, &configuration.text())?;
    let tables = bench.wait_for_tables("master", |tables| tables.contains("from 10.46.0.0/16"))?;
    for line in configurations::BEYOND_TABLES.lines() {
        ensure!(tables.contains(line), "{line} is not in {tables}");
    }
    daemon.stop()?;
    let after = bench.wait_for_tables("stopped", |_| true)?;
    ensure!(after == before, "left behind: {}", tables::difference(&before, &after));
    Ok(())
}

/// The names of the host's files count.
pub(crate) fn names_of_the_host(software: Software) -> Result<Story> {
    let bench = Bench::new()?;
    let directory = "/run/iproute2";
    std::fs::create_dir(bench.director.path(directory))?;
    for (file, content) in configurations::NAME_FILES {
        std::fs::write(bench.director.path(&format!("{directory}/{file}")), content)?;
    }
    bench.director.run("mount", &["--bind", directory, "/etc/iproute2"])?;
    let configuration = Configuration {
        statics: "",
        addresses: configurations::NAMED_ADDRESSES,
        routes: configurations::NAMED_ROUTES,
        rules: configurations::NAMED_RULES,
        ..Configuration::ALL
    };
    let _daemon = Daemon::start(software, &bench.director, &configuration.text())?;
    let mut story = Story::default();
    let tables = story.tell(&bench, "master", is_master)?;
    for line in [
        "table blue",
        "table red",
        "realms nine/3",
        "scope near",
        "proto ours",
        "tos lowdelay",
        "_ifgroup inner",
    ] {
        ensure!(tables.contains(line), "no {line} in {tables}");
    }
    Ok(story)
}

/// A reload removes the first address of a network, and with it the kernel removes the others, unless told to promote
/// them.
pub(crate) fn first_address_of_a_network(software: Software, more: &str) -> Result<Story> {
    let bench = Bench::new()?;
    let all = Configuration {
        statics: "",
        excluded: "",
        addresses: configurations::OF_ONE_NETWORK,
        more,
        ..Configuration::ALL
    };
    let without = Configuration {
        addresses: configurations::WITHOUT_FIRST,
        ..all
    };
    let daemon = Daemon::start(software, &bench.director, &all.text())?;
    let mut story = Story::default();
    let setting = "/proc/sys/net/ipv4/conf/eth0/promote_secondaries";
    let setting = || bench.director.run("cat", &[setting]);
    story.tell(&bench, "all", |tables| {
        is_master(tables) && tables.contains("10.77.0.3/24")
    })?;
    story.0.push(("setting of a master", setting()?));
    daemon.reload(&without.text())?;
    let is_reloaded =
        |tables: &str| is_master(tables) && tables.contains("inet 10.77.0.3/24") && !tables.contains("10.77.0.1");
    story.tell(&bench, "without the first", is_reloaded)?;
    daemon.stop()?;
    story.tell(&bench, "stopped", |tables| !is_master(tables))?;
    story.0.push(("setting in the end", setting()?));
    Ok(story)
}

/// The second interface goes down and comes up again; then it goes away, and another one of the name comes.
pub(crate) fn interfaces_come_and_go(software: Software) -> Result<Story> {
    let bench = Bench::new()?;
    let mut story = Story::default();
    let _daemon = Daemon::start(software, &bench.director, &Configuration::ALL.text())?;
    story.tell(&bench, "master", is_master)?;
    bench.director.run("ip", &["link", "set", "eth1", "down"])?;
    story.tell(&bench, "down", is_no_master)?;
    bench.director.run("ip", &["link", "set", "eth1", "up"])?;
    story.tell(&bench, "up", is_master)?;
    bench.director.run("ip", &["link", "del", "eth1"])?;
    story.tell(&bench, "gone", is_no_master)?;
    // Without an address of its own: which one stands first would depend on who is quicker.
    bench.network.plug(&bench.director, "inside", "eth1", &[])?;
    story.tell(&bench, "new", is_master)?;
    Ok(story)
}

/// The second interface loses its carrier, which the instance does not use: a static object of it matters only with a
/// `track_group`.
pub(crate) fn static_objects_of_a_group(software: Software, statics: &str) -> Result<Story> {
    let bench = Bench::new()?;
    let mut story = Story::default();
    let text = |option: &str, preference: u32| {
        let statics = format!("{}{}", configurations::GROUP, statics.replace("GROUP", option));
        let rules = format!("from fd44::/64 table 100 preference {preference}");
        let little = configurations::LITTLE;
        Configuration {
            statics: &statics,
            rules: &rules,
            ..little
        }
        .text()
    };
    let daemon = Daemon::start(software, &bench.director, &text("track_group both", 900))?;
    story.tell(&bench, "master", is_master)?;
    bench.network.pull(&bench.inside)?;
    story.tell(&bench, "without carrier", is_no_master)?;
    bench.network.put_back(&bench.inside)?;
    story.tell(&bench, "with carrier", is_master)?;
    for (option, preference) in [("", 901), ("no_track", 902)] {
        daemon.reload(&text(option, preference))?;
        let rule = format!("{preference}:");
        bench.wait_for_tables("the reload", |tables| tables.contains(&rule))?;
        bench.network.pull(&bench.inside)?;
        let lost = |tables: &str| tables.contains("NO-CARRIER");
        let tables = story.tell(&bench, "without carrier, without group", lost)?;
        ensure!(is_master(&tables), "{option}: no master");
        bench.network.put_back(&bench.inside)?;
        story.tell(&bench, "with carrier, without group", |tables| {
            !lost(tables) && is_master(tables)
        })?;
    }
    Ok(story)
}
