//! What a restarted process takes over from the kernel's table.

use holdfast_health::Settings;
use holdfast_ipvs::table::Table;

use crate::bench::{Bench, real, real_server, seconds, settings, sorry, virtual_server};

fn no_destinations() -> Vec<String> {
    Vec::new()
}

/// A process ran until now and died; the next one finds its table.
fn restart(settings: Settings, old: &Bench) -> Bench {
    let mut bench = Bench::with_kernel(settings, old.kernel.clone(), Some(&old.kernel));
    bench.dead.clone_from(&old.dead);
    bench
}

fn pool_settings(inhibit: bool, with_sorry: bool) -> Settings {
    let mut server = virtual_server(1, (11..=14).map(|last| real_server(last, 2)).collect());
    server.real_servers.iter_mut().for_each(|it| {
        it.inhibit_on_failure = inhibit;
        it.checkers[0].warmup = seconds(60);
        it.checkers[0].delay_loop = seconds(60);
    });
    server.quorum = 3;
    server.sorry_server = with_sorry.then(|| sorry(99));
    settings([server])
}

#[test]
fn a_restart_changes_nothing_in_the_table_and_tells_nobody() {
    for inhibit in [false, true] {
        for with_sorry in [false, true] {
            for dead in 0_u8..=4 {
                let mut old = Bench::new(pool_settings(inhibit, with_sorry));
                (11..).take(dead.into()).for_each(|last| old.kill(last));
                old.run(seconds(200));
                let case = format!("inhibit {inhibit}, sorry {with_sorry}, {dead} dead");
                let mut new = restart(pool_settings(inhibit, with_sorry), &old);
                assert_eq!(new.kernel, old.kernel, "{case}: at once");
                let words: Vec<_> = new
                    .transcript()
                    .into_iter()
                    .filter(|it| !it.starts_with("table"))
                    .collect();
                let lost = if with_sorry && dead == 3 { 4 } else { dead };
                assert_eq!(
                    words,
                    [format!(
                        "Going on with VS [192.0.2.1]:tcp:80 as found in the kernel: {lost} of 4 real servers down until \
                         checked"
                    )],
                    "{case}"
                );
                new.run(seconds(300));
                assert_eq!(new.kernel, old.kernel, "{case}: after all checks");
                let notified = new.transcript().into_iter().any(|it| it.starts_with("VS"));
                assert!(!notified, "{case}");
            }
        }
    }
}

#[test]
fn a_server_that_came_back_meanwhile_is_found_within_a_second() {
    let mut old = Bench::new(pool_settings(false, true));
    (11..=14).for_each(|last| old.kill(last));
    old.run(seconds(200));
    assert_eq!(old.pool(1), ["99:1"]);
    let mut new = restart(pool_settings(false, true), &old);
    new.dead.clear();
    assert_eq!(new.pool(1), ["99:1"]);
    new.run(seconds(1));
    assert_eq!(new.pool(1), ["11:2", "12:2", "13:2", "14:2"]);
}

#[test]
fn a_server_found_up_has_its_retries_also_with_alpha() {
    let mut with = pool_settings(false, false);
    with.virtual_servers[0]
        .real_servers
        .iter_mut()
        .for_each(|it| it.checkers[0].alpha = true);
    let mut old = Bench::new(with.clone());
    old.run(seconds(100));
    let mut new = restart(with, &old);
    assert_eq!(
        new.pool(1),
        ["11:2", "12:2", "13:2", "14:2"],
        "alpha does not take a living server out"
    );
    (11..=14).for_each(|last| new.kill(last));
    new.run(seconds(60));
    let failed: Vec<_> = new
        .transcript()
        .into_iter()
        .filter(|line| line.starts_with("TCP_CHECK"))
        .collect();
    assert!(
        !failed.is_empty() && failed.iter().all(|line| line.contains("after 1 retries")),
        "{failed:?}"
    );
}

#[test]
fn a_service_that_the_kernel_does_not_have_starts_as_always() {
    let new = Bench::with_kernel(pool_settings(false, true), Table::default(), Some(&Table::default()));
    assert_eq!(new.pool(1), ["11:2", "12:2", "13:2", "14:2"]);
}

#[test]
fn a_real_server_without_checks_is_up_whatever_the_kernel_has() {
    let mut with = pool_settings(false, false);
    with.virtual_servers[0].real_servers[0].checkers.clear();
    let mut old = Bench::new(with.clone());
    (11..=14).for_each(|last| old.kill(last));
    old.run(seconds(200));
    old.kernel.services.values_mut().for_each(|it| it.destinations.clear());
    assert_eq!(old.pool(1), no_destinations());
    let new = Bench::with_kernel(with, old.kernel.clone(), Some(&old.kernel));
    assert_eq!(new.pool(1), ["11:2"]);
}

#[test]
fn an_edited_weight_is_the_only_change() {
    let mut old = Bench::new(pool_settings(true, false));
    old.kill(12);
    old.run(seconds(200));
    let mut with = pool_settings(true, false);
    with.virtual_servers[0].real_servers[0].destination.weight = 7;
    let new = restart(with, &old);
    assert_eq!(new.pool(1), ["11:7", "12:0", "13:2", "14:2"]);
    assert!(
        new.kernel
            .services
            .values()
            .all(|it| it.destinations.contains_key(&real(12)))
    );
}
