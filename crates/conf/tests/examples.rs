//! The files that users are shown, each loaded as the daemon would load it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests

use holdfast_conf::config::{CheckerKind, ForwardingMethod, Service};
use holdfast_conf::{FileLoader, LoadOptions, Loaded, Severity, load};
use std::path::{Path, PathBuf};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conf-examples")
}

fn read(path: &Path, id: &str) -> Loaded {
    let options = LoadOptions {
        config_id: Some(id.to_owned()),
        ..LoadOptions::default()
    };
    load(&FileLoader, path, &options)
}

fn lines(loaded: &Loaded) -> Vec<String> {
    loaded
        .diagnostics
        .iter()
        .map(|it| it.one_line(&loaded.sources))
        .collect()
}

#[test]
fn every_example_but_the_broken_one_is_clean() {
    let mut seen = 0;
    for entry in std::fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|extension| extension != "conf") || name.ends_with("as-written.conf") {
            continue;
        }
        for id in ["left", "right"] {
            let loaded = read(&path, id);
            assert_eq!(lines(&loaded), [""; 0], "{name}");
            let config = loaded.config;
            assert!(
                !config.vrrp_instances.is_empty() || !config.virtual_servers.is_empty(),
                "{name}"
            );
        }
        seen += 1;
    }
    assert!(seen >= 3, "{seen} examples");
}

/// The article's file has six flaws. Each is said with its line and column, its cause, and what was likely meant.
#[test]
fn seed_003_as_written_is_diagnosed() {
    let loaded = read(&directory().join("seed-003-as-written.conf"), "iruka");
    let said: Vec<(u32, u32, &str, Severity)> = loaded
        .diagnostics
        .iter()
        .map(|it| {
            let span = it.span.unwrap();
            (span.line, span.column, it.message.as_str(), it.severity)
        })
        .collect();
    let (error, warning) = (Severity::Error, Severity::Warning);
    let range = "0 is out of range for 'persistence_timeout', 1 to 2678400; it is ignored";
    assert_eq!(
        said,
        [
            (
                6,
                1,
                "Unknown keyword 'nopreemp' in vrrp_instance; the line is ignored",
                error
            ),
            (
                16,
                1,
                "The block 'virtual_server group HTTP100' opens here and is never closed",
                error
            ),
            (
                16,
                16,
                "There is no virtual_server_group HTTP100; the virtual_server is left out",
                error
            ),
            (20, 21, range, error),
            (33, 1, "'nb_get_retry' is deprecated", warning),
            (47, 1, "'nb_get_retry' is deprecated", warning),
        ]
    );
    let hint = |index: usize| loaded.diagnostics[index].hint.as_deref().unwrap();
    assert_eq!(hint(0), "did you mean 'nopreempt'?");
    let end = &loaded.diagnostics[1].notes[0];
    assert_eq!(end.span.unwrap().line, 50);
    assert_eq!(
        end.message,
        "the configuration ends here, the } was probably meant after this"
    );
    assert!(
        hint(2).contains("virtual_server_group HTTP100 { 192.168.0.200 80 }"),
        "{}",
        hint(2)
    );
    assert!(hint(2).contains("virtual_server 192.168.0.200 80 {"), "{}", hint(2));
    assert_eq!((loaded.has_errors(), loaded.exit_code()), (true, 5));
    assert_eq!(loaded.config.vrrp_instances.len(), 1);
    assert_eq!(loaded.config.virtual_servers, []);
}

#[test]
fn seed_003_mended_is_the_pair_that_was_meant() {
    let config = read(&directory().join("seed-003-mended.conf"), "iruka").config;
    let instance = &config.vrrp_instances[0];
    assert!(instance.nopreempt);
    assert_eq!(instance.virtual_ipaddress[0].address.to_string(), "192.168.0.200");
    let server = &config.virtual_servers[0];
    assert_eq!(
        server.services,
        [Service::Address("192.168.0.200".parse().unwrap(), 80)]
    );
    assert_eq!(server.lb_kind, ForwardingMethod::Dr);
    assert_eq!(server.real_servers.len(), 2);
    for real_server in &server.real_servers {
        assert_eq!((real_server.weight, real_server.inhibit_on_failure), (1, true));
        let [checker] = real_server.checkers.as_slice() else {
            panic!("one checker")
        };
        assert_eq!((checker.retry, checker.target.port()), (3, 80));
        let CheckerKind::HttpGet(http) = &checker.kind else {
            panic!("HTTP_GET")
        };
        assert_eq!(
            (http.urls[0].path.as_str(), http.urls[0].status_code[0].clone()),
            ("/test.html", 200..=200)
        );
    }
}
