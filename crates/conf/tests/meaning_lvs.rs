//! What `global_defs`, virtual servers and checkers mean: expected values from keepalived's documented behaviour.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests

use holdfast_conf::{Config, LoadOptions, Loaded, MemoryLoader, load};
use std::path::Path;

fn read(text: &str) -> Loaded {
    let loader = MemoryLoader::new().with("k.conf", text);
    load(&loader, Path::new("k.conf"), &LoadOptions::default())
}

/// The configuration, when nothing is wrong with it but keywords that do nothing yet.
fn sound(text: &str) -> Config {
    let loaded = read(text);
    let wrong: Vec<String> = loaded
        .diagnostics
        .iter()
        .filter(|it| it.code.0 != 302)
        .map(|it| it.one_line(&loaded.sources))
        .collect();
    assert_eq!(wrong, [""; 0], "{text}");
    loaded.config
}

#[test]
fn a_master_that_loses_answers_once_more_by_default() {
    let instance = |globals: &str| {
        let text = format!(
            "global_defs {{\n{globals}\n}}\nvrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\n\
             virtual_ipaddress {{ 192.0.2.1 }}\n}}\n"
        );
        sound(&text).vrrp_instances.remove(0).higher_prio_send_advert
    };
    assert!(instance(""));
    assert!(!instance("vrrp_higher_prio_send_advert off"));
}
