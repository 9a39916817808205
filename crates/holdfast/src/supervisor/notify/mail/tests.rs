use std::time::Duration;

use super::*;
use crate::plan::scripts::{ServiceScripts, StateScripts, UpDown};

fn plan() -> MailPlan {
    MailPlan {
        host: String::new(),
        port: 25,
        timeout: Duration::from_secs(1),
        helo_name: String::new(),
        router_id: "lb1".into(),
        from: String::new(),
        to: Vec::new(),
        no_faults: false,
        only_changes_of_real_servers: false,
    }
}

fn table(mail: bool) -> ScriptTable {
    let states = StateScripts {
        mail,
        ..StateScripts::default()
    };
    let pair = UpDown {
        mail,
        ..UpDown::default()
    };
    ScriptTable {
        instances: [("VI_1".to_owned(), states.clone().into())].into(),
        groups: [("G".to_owned(), states.into())].into(),
        virtual_servers: [(
            "[192.0.2.80]:tcp:80".to_owned(),
            ServiceScripts {
                quorum: pair.clone(),
                real_servers: [("[192.0.2.81]:tcp:80".to_owned(), pair.into())].into(),
            },
        )]
        .into(),
    }
}

fn vrrp(is_group: bool, state: &str) -> VrrpNotification {
    VrrpNotification {
        is_group,
        name: if is_group { "G" } else { "VI_1" }.into(),
        state: state.into(),
        priority: 100,
    }
}

fn check(keyword: &str, outcome: Result<(), String>, real_server_changed: bool) -> Notification {
    Notification::Check {
        virtual_server: "[192.0.2.80]:tcp:80".into(),
        real_server: "[192.0.2.81]:tcp:80".into(),
        keyword: keyword.into(),
        outcome,
        real_server_changed,
    }
}

#[test]
fn instances_and_groups_in_keepalived_s_words_and_no_state_twice() {
    let mut letters = Letters::default();
    let mut mail = |change: &VrrpNotification| {
        let letter = letters.of_vrrp(&plan(), &table(true), change)?;
        Some((letter.subject, letter.text))
    };
    let expected = |subject: &str, text: &str| Some((subject.to_owned(), text.to_owned()));
    assert_eq!(
        mail(&vrrp(false, "MASTER")),
        expected(
            "[lb1] VRRP Instance VI_1 - Entering MASTER state",
            "=> VRRP Instance is now owning VRRP VIPs <="
        )
    );
    assert_eq!(mail(&vrrp(false, "MASTER")), None);
    assert_eq!(mail(&vrrp(false, "MASTER_RX_LOWER_PRI")), None);
    assert_eq!(mail(&vrrp(false, "MASTER")), None, "other events change no state");
    assert_eq!(
        mail(&vrrp(false, "STOP")),
        expected("[lb1] VRRP Instance VI_1 - Stopping", "=> VRRP Instance stopping <=")
    );
    assert_eq!(
        mail(&vrrp(true, "FAULT")),
        expected(
            "[lb1] VRRP Group G - Entering FAULT state",
            "=> All VRRP group instances are now in FAULT state <="
        )
    );
    assert_eq!(
        mail(&vrrp(true, "STOP")),
        expected(
            "[lb1] VRRP Group G - Stopping",
            "=> All VRRP group instances are now stopping <="
        )
    );
}

#[test]
fn mail_goes_where_smtp_alert_says_and_not_about_faults_when_told_so() {
    let change = vrrp(false, "FAULT");
    assert!(Letters::default().of_vrrp(&plan(), &table(true), &change).is_some());
    assert_eq!(Letters::default().of_vrrp(&plan(), &table(false), &change), None);
    let quiet = MailPlan {
        no_faults: true,
        ..plan()
    };
    let mut letters = Letters::default();
    assert_eq!(letters.of_vrrp(&quiet, &table(true), &change), None);
    assert!(letters.of_vrrp(&quiet, &table(true), &vrrp(false, "BACKUP")).is_some());
}

#[test]
fn checks_and_quorums_in_keepalived_s_words() {
    let mail = |change: &Notification| {
        let letter = of_checker(&plan(), &table(true), change)?;
        Some((letter.subject, letter.text))
    };
    let about = |subject: &str, text: &str| Some((format!("[lb1] {subject}"), text.to_owned()));
    let server = "Realserver [192.0.2.81]:tcp:80 of virtual server [192.0.2.80]:tcp:80";
    assert_eq!(
        mail(&check("TCP_CHECK", Ok(()), true)),
        about(&format!("{server} - UP"), "=> TCP CHECK succeed on service <=")
    );
    assert_eq!(
        mail(&check("HTTP_GET", Err("wrong status code 500".into()), true)),
        about(
            &format!("{server} - DOWN"),
            "=> CHECK failed on service : wrong status code 500 <="
        )
    );
    assert_eq!(
        mail(&check("DNS_CHECK", Err(String::new()), true)),
        about(&format!("{server} - DOWN"), "=> DNS_CHECK: failed on service <=")
    );
    assert_eq!(
        mail(&check("BFD_CHECK to_web", Ok(()), true)),
        about(&format!("{server} - UP"), "=> BFD CHECK to_web succeeded on service <=")
    );
    assert_eq!(
        mail(&check("BFD_CHECK to_web", Err(String::new()), true)),
        about(&format!("{server} - DOWN"), "=> BFD CHECK to_web failed on service <=")
    );
    let quorum = |up, cause| Notification::Quorum {
        virtual_server: "[192.0.2.80]:tcp:80".into(),
        up,
        cause,
        quorum: 2,
        hysteresis: 1,
        weight: 3,
        pool: holdfast_health::action::Pool::default(),
    };
    assert_eq!(
        mail(&quorum(true, Cause::Check)),
        about(
            "Virtualserver [192.0.2.80]:tcp:80 - UP",
            "=> Gained quorum 2+1=3 <= 3 <="
        )
    );
    assert_eq!(
        mail(&quorum(false, Cause::Start)),
        about(
            "Virtualserver [192.0.2.80]:tcp:80 - DOWN",
            "=> Starting with quorum down <="
        )
    );
}

#[test]
fn no_checker_emails_leaves_those_that_changed_a_real_server() {
    let few = MailPlan {
        only_changes_of_real_servers: true,
        ..plan()
    };
    assert_eq!(of_checker(&few, &table(true), &check("TCP_CHECK", Ok(()), false)), None);
    assert!(of_checker(&few, &table(true), &check("TCP_CHECK", Ok(()), true)).is_some());
    assert!(of_checker(&plan(), &table(true), &check("TCP_CHECK", Ok(()), false)).is_some());
    assert_eq!(
        of_checker(&plan(), &table(false), &check("TCP_CHECK", Ok(()), true)),
        None
    );
}
