//! Lines as `HAProxy`'s manual (configuration.txt, `agent-check`) describes them.

use super::*;

fn report(line: &str) -> AgentReport {
    read_line(line.as_bytes()).unwrap()
}

#[test]
fn words_of_every_kind() {
    let all = report("up ready 75% maxconn:30");
    assert_eq!(
        all,
        AgentReport {
            weight_percent: Some(75),
            max_connections: Some(30),
            administrative: Some(Administrative::Ready),
            operating: Some(Operating::Up),
            description: String::new(),
        }
    );
    assert_eq!(
        report("maxconn:30,75%\tREADY, ,Up"),
        all,
        "any separators, order and case"
    );
    for (word, operating) in [
        ("up", Operating::Up),
        ("down", Operating::Down),
        ("fail", Operating::Fail),
        ("stopped", Operating::Stopped),
    ] {
        let only = AgentReport {
            operating: Some(operating),
            ..AgentReport::default()
        };
        assert_eq!(report(word), only, "nothing else is said");
    }
    assert_eq!(report("drain").administrative, Some(Administrative::Drain));
    assert_eq!(report("maint").administrative, Some(Administrative::Maint));
}

#[test]
fn the_last_word_of_a_kind_counts() {
    let both = report("down 10% up 20% drain ready maxconn:1 maxconn:2");
    assert_eq!(both, report("up 20% ready maxconn:2"));
}

#[test]
fn percentages() {
    let percent = |line| report(line).weight_percent;
    assert_eq!(percent("0%"), Some(0));
    assert_eq!(percent("100%"), Some(100));
    assert_eq!(percent("007%"), Some(7));
    assert_eq!(percent("300%"), Some(300));
    assert_eq!(percent("99999999999999999999%"), Some(25_600));
}

#[test]
fn what_follows_a_sharp_is_a_description() {
    let down = report("down # disk full, 100% used");
    assert_eq!((down.operating, down.weight_percent), (Some(Operating::Down), None));
    assert_eq!(down.description, "disk full, 100% used");
    assert_eq!(report("stopped#upgrade # 2").description, "upgrade # 2");
    let odd = read_line(b"fail#\x1b[31m\xff").unwrap().description;
    assert!(!odd.contains('\x1b') && odd.contains("[31m"), "{odd:?}");
    assert_eq!(
        report(&format!("fail #{}", "é".repeat(900)))
            .description
            .chars()
            .count(),
        200
    );
}

/// `HAProxy` takes the other words of such a line and warns; here nothing of it counts.
#[test]
fn what_is_no_word_of_agents_is_a_failure() {
    for line in [
        "",
        "   ",
        "# only a description",
        "upp",
        "up 75",
        "%",
        "-5%",
        "+5%",
        "7.5%",
        "maxconn:",
        "maxconn: 30",
        "maxconn:many",
        "HTTP/1.1 400 Bad Request",
        "SSH-2.0-OpenSSH_9.2",
        "up\0",
    ] {
        let failure = read_line(line.as_bytes()).unwrap_err();
        assert!(matches!(failure, Failure::AgentLine(_)), "{line}: {failure}");
    }
    let failure = read_line(b"up bogus 5%").unwrap_err().to_string();
    assert_eq!(
        failure,
        r#"the agent's line is not understood: "bogus" in "up bogus 5%""#
    );
}

/// The same line whatever the pieces, up to CR or LF, and not without end.
#[test]
fn lines_come_in_pieces() {
    for text in ["up 50%\n", "up 50%\r\n", "up 50%\rdown\n", "up 50%\n\n\ndown"] {
        for size in 1..=text.len() {
            let mut line = Line::default();
            let ended = text.as_bytes().chunks(size).any(|piece| line.push(piece).unwrap());
            assert!(ended);
            assert_eq!(line.bytes, b"up 50%");
        }
    }
    let mut line = Line::default();
    assert_eq!(line.push(&[b'x'; LINE_LIMIT]), Ok(false));
    assert_eq!(line.push(b"x"), Err(Failure::ReplyTooLong(LINE_LIMIT)));
    let mut line = Line::default();
    assert_eq!(
        line.push(&[[b'x'; LINE_LIMIT].as_slice(), b"x\n"].concat()),
        Err(Failure::ReplyTooLong(LINE_LIMIT))
    );
    let mut line = Line::default();
    assert_eq!(
        line.push(&[[b'x'; LINE_LIMIT].as_slice(), b"\nmore"].concat()),
        Ok(true)
    );
}
