//! Process events of the real kernel: needs root, and the initial namespaces.

use std::process::Command;
use std::time::Duration;

use holdfast_net::{ProcessEvent, ProcessEvents};
use tokio::time::timeout;

const BOUND: Duration = Duration::from_secs(10);
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_process_is_followed_from_its_fork_to_its_end() {
    let mut events = ProcessEvents::open().unwrap();
    if let Err(error) = events.listen(ANSWER_LIMIT).await {
        // Not in the initial namespaces, or not root.
        println!("skipped: {error}");
        return;
    }
    events.set_receive_buffer(100_000, false).unwrap();
    assert_eq!(events.receive_buffer(), 100_000);
    let mut child = Command::new("/bin/sleep").arg("1000").spawn().unwrap();
    let pid = child.id();
    let mut seen = Vec::new();
    let mut kind_of = async |wanted: fn(&ProcessEvent, u32) -> bool| {
        while !seen.iter().any(|event| wanted(event, pid)) {
            seen.extend(timeout(BOUND, events.next()).await.unwrap().unwrap());
        }
    };
    kind_of(|event, pid| matches!(event, ProcessEvent::Forked { child, .. } if *child == pid)).await;
    kind_of(|event, own| *event == ProcessEvent::Executed { pid: own }).await;
    child.kill().unwrap();
    child.wait().unwrap();
    kind_of(|event, own| *event == ProcessEvent::Exited { pid: own }).await;

    events.ignore();
    Command::new("/bin/true").status().unwrap();
    let silence = timeout(Duration::from_millis(100), events.next()).await;
    assert!(silence.is_err(), "{silence:?}");
}
