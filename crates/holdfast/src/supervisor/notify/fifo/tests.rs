use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::plan::notify::Audience;
use crate::scripts::Identity;

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("holdfast-fifo-test-{}-{name}", std::process::id()))
}

fn plan(name: &str) -> FifoPlan {
    FifoPlan {
        audience: Audience::All,
        path: path(name),
        owner: Identity::current(),
        reader: None,
    }
}

fn change(is_group: bool, name: &str, state: &str, priority: u8) -> VrrpNotification {
    VrrpNotification {
        is_group,
        name: name.into(),
        state: state.into(),
        priority,
    }
}

#[test]
fn a_fifo_is_made_written_and_removed() {
    let plan = plan("made");
    let mut fifo = Fifo::open(plan.clone()).unwrap();
    let made = plan.path.metadata().unwrap();
    assert_eq!(
        (made.permissions().mode() & 0o777, made.file_type().is_fifo()),
        (0o600, true)
    );
    // Nobody reads yet, and nothing waits for that.
    fifo.write("INSTANCE \"VI_1\" MASTER 107\n");
    let mut reader = File::open(&plan.path).unwrap();
    let mut line = [0; 27];
    reader.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"INSTANCE \"VI_1\" MASTER 107\n");
    drop(fifo);
    assert!(!plan.path.exists());
}

#[test]
fn a_full_fifo_drops_whole_lines_and_is_written_again_when_it_is_read() {
    let plan = plan("full");
    let mut fifo = Fifo::open(plan.clone()).unwrap();
    let line = format!("{}\n", "x".repeat(999));
    for _ in 0..100 {
        fifo.write(&line);
    }
    assert!(fifo.dropped > 0, "a FIFO holds 64 KiB");
    let kept = 100 - fifo.dropped;
    let mut reader = File::open(&plan.path).unwrap();
    let mut read = vec![0; usize::try_from(kept).unwrap() * 1000];
    reader.read_exact(&mut read).unwrap();
    assert!(
        read.chunks(1000).all(|chunk| chunk == line.as_bytes()),
        "no line is cut"
    );
    fifo.write(&line);
    assert_eq!(fifo.dropped, 0);
}

#[test]
fn what_is_there_already_must_be_a_fifo_of_ours_and_stays() {
    let there = plan("there");
    nix::unistd::mkfifo(&there.path, file_mask::left_of(MODE)).unwrap();
    drop(Fifo::open(there.clone()).unwrap());
    assert!(there.path.exists(), "it is not ours to remove");
    std::fs::remove_file(&there.path).unwrap();

    std::fs::write(&there.path, "text").unwrap();
    let error = Fifo::open(there.clone()).unwrap_err();
    assert!(error.to_string().contains("no FIFO"), "{error}");
    std::fs::remove_file(&there.path).unwrap();

    // A link may lead anywhere.
    let target = plan("target");
    nix::unistd::mkfifo(&target.path, file_mask::left_of(MODE)).unwrap();
    std::os::unix::fs::symlink(&target.path, &there.path).unwrap();
    assert!(Fifo::open(there.clone()).is_err());
    std::fs::remove_file(&there.path).unwrap();
    std::fs::remove_file(&target.path).unwrap();
}

#[test]
fn its_script_gets_the_path_and_the_lines_and_is_started_again() {
    let mut plan = plan("script");
    let log = path("script-log");
    let text = format!("read -r line < \"$1\"; echo \"$line\" >> {}", log.display());
    let argv: Vec<std::ffi::OsString> = ["/bin/sh", "-c", &text, "reader"].map(Into::into).into();
    let mut reader = Script::new(argv, Identity::current());
    reader.argv.push(plan.path.clone().into());
    plan.reader = Some(reader);
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let mut fifo = Fifo::open(plan).unwrap();
            let mut expected = String::new();
            // Each reader takes one line and ends.
            for line in ["INSTANCE \"a\" MASTER 1\n", "INSTANCE \"a\" BACKUP 1\n"] {
                fifo.write(line);
                expected += line;
                let written = async {
                    while std::fs::read_to_string(&log).unwrap_or_default() != expected {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                };
                tokio::time::timeout(Duration::from_secs(20), written).await.unwrap();
            }
        });
    std::fs::remove_file(&log).unwrap();
}

#[test]
fn lines_are_keepalived_s() {
    let lines = [
        change(false, "VI_1", "MASTER", 107),
        change(true, "G", "MASTER", 0),
        change(false, "VI_1", "BACKUP_PRIORITY", 107),
    ]
    .map(|change| vrrp_line(&change));
    assert_eq!(
        lines,
        [
            "INSTANCE \"VI_1\" MASTER 107\n",
            "GROUP \"G\" MASTER 0\n",
            "INSTANCE \"VI_1\" BACKUP_PRIORITY 107\n"
        ]
    );
    let quorum = Notification::Quorum {
        virtual_server: "[192.0.2.80]:tcp:80".into(),
        up: true,
        cause: holdfast_health::action::Cause::Check,
        quorum: 1,
        hysteresis: 0,
        weight: 1,
        pool: holdfast_health::action::Pool::default(),
    };
    assert_eq!(checker_line(&quorum).as_deref(), Some("VS [192.0.2.80]:tcp:80 UP\n"));
}
