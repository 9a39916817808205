use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn plan() -> MailPlan {
    MailPlan {
        host: String::new(),
        port: 25,
        timeout: Duration::from_secs(1),
        helo_name: "lb1.example.org".into(),
        router_id: "lb1".into(),
        from: "Director <lb1@example.org>".into(),
        to: vec!["a@example.org".into(), "b@example.org".into()],
        no_faults: false,
        only_changes_of_real_servers: false,
    }
}

/// Delivers to a relay that gives these replies in turn; returns the outcome and what the relay heard.
fn deliver_to(replies: &'static [&'static str], message: &str) -> (anyhow::Result<()>, String) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(async {
            let (ours, mut theirs) = tokio::io::duplex(4096);
            let relay = tokio::spawn(async move {
                let mut heard = String::new();
                for reply in replies {
                    theirs.write_all(reply.as_bytes()).await.unwrap();
                    let mut buffer = [0; 4096];
                    match theirs.read(&mut buffer).await {
                        Ok(length) => heard.push_str(&String::from_utf8_lossy(&buffer[..length])),
                        Err(_) => break,
                    }
                }
                // Keeps the connection, and says no more.
                if let Ok(rest) = tokio::time::timeout(Duration::from_mins(1), theirs.read_u8()).await {
                    assert!(rest.is_err(), "nothing more is said");
                }
                heard
            });
            let outcome = deliver(ours, &plan(), message).await;
            (outcome, relay.await.unwrap())
        })
}

#[test]
fn a_message_is_handed_over_step_by_step() {
    let replies = &[
        "220-relay\r\n220 ready\r\n",
        "250 hello\r\n",
        "250 ok\r\n",
        "250 ok\r\n",
        "250 ok\r\n",
        "354 go on\r\n",
        "250 queued\r\n",
        "221 bye\r\n",
    ];
    let (outcome, heard) = deliver_to(replies, "Subject: x\r\n\r\n.hidden\r\n");
    outcome.unwrap();
    assert_eq!(
        heard,
        "HELO lb1.example.org\r\nMAIL FROM:<lb1@example.org>\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n\
         DATA\r\nSubject: x\r\n\r\n..hidden\r\n.\r\nQUIT\r\n"
    );
}

#[test]
fn a_refusal_names_its_step_and_a_silent_relay_is_given_up() {
    let (outcome, _) = deliver_to(&["220 ready\r\n", "250 hello\r\n", "550 not you\r\n"], "x\r\n");
    let words = format!("{:#}", outcome.unwrap_err());
    assert_eq!(words, "MAIL FROM:<lb1@example.org>: answered `550 not you`, not 250");

    let (outcome, _) = deliver_to(&["220 ready\r\n"], "x\r\n");
    let words = format!("{:#}", outcome.unwrap_err());
    assert_eq!(words, "HELO lb1.example.org: no answer within 1 s");
}

/// What never ends is cut off at the limit, and not repeated in the log.
#[test]
fn endless_replies_are_cut_off_and_long_ones_are_shown_in_part() {
    let attempt = |unit: &str| {
        let unit = unit.to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(async move {
            let (ours, mut theirs) = tokio::io::duplex(4096);
            let relay = tokio::spawn(async move { while theirs.write_all(unit.as_bytes()).await.is_ok() {} });
            let outcome = deliver(ours, &plan(), "x\r\n").await;
            relay.await.unwrap();
            format!("{:#}", outcome.unwrap_err())
        })
    };
    assert_eq!(attempt("220-more\r\n"), "greeting: a reply of more than 16384 bytes");
    assert_eq!(attempt("220 more"), "greeting: a reply of more than 16384 bytes");
    let long = format!("554 {}\r\n", "x".repeat(10_000));
    let shown = attempt(&long);
    assert_eq!(shown.len(), "greeting: answered ``, not 220".len() + 512, "{shown}");
}
