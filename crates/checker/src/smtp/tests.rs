use proptest::prelude::*;

use super::*;

/// The whole reply in one piece.
fn judge(step: SmtpStep, bytes: &[u8]) -> Result<bool, Failure> {
    Reply::of(step).push(bytes)
}

#[test]
fn replies_need_their_code_in_each_line() {
    let wrong = |code| {
        Err(Failure::SmtpReply {
            step: SmtpStep::Greeting,
            code,
        })
    };
    for (reply, verdict) in [
        (&b"220 mx.example.org ESMTP\r\n"[..], Ok(true)),
        (b"220 bare line feed\n", Ok(true)),
        // RFC 5321 section 4.2: the text may be missing, and the space with it.
        (b"220\r\n", Ok(true)),
        (b"220-mx.example.org\r\n220-second\r\n220 third\r\n", Ok(true)),
        (b"220-mx.example.org\r\n220-second\r\n", Ok(false)),
        (b"220 mx.example", Ok(false)),
        // What comes after the reply does not matter.
        (b"220 mx.example.org ESMTP\r\n550 no\r\n", Ok(true)),
        (b"220-mx.example.org\r\n554 but no\r\n", wrong(Some(554))),
        (b"554 no service\r\n", wrong(Some(554))),
        (b"554-no\r\n554 service\r\n", wrong(Some(554))),
        (b"221 bye\r\n", wrong(Some(221))),
        (b"2200 mx\r\n", wrong(None)),
        (b"220\tmx\r\n", wrong(None)),
        (b" 220 mx\r\n", wrong(None)),
        (b"+22 mx\r\n", wrong(None)),
        (b"22\r\n", wrong(None)),
        (b"\r\n", wrong(None)),
        (b"HTTP/1.1 400 Bad Request\r\n", wrong(None)),
    ] {
        assert_eq!(judge(SmtpStep::Greeting, reply), verdict, "{}", reply.escape_ascii());
    }
    assert_eq!(judge(SmtpStep::Helo, b"250 hello\r\n"), Ok(true));
    assert_eq!(
        judge(SmtpStep::Helo, b"220 hello\r\n").unwrap_err().to_string(),
        "answer to HELO with code 220"
    );
    assert_eq!(Reply::any().push(b"garbage\n"), Ok(true));
}

#[test]
fn endless_replies_are_cut_off() {
    let long = [b'2'; LINE_LIMIT + 1];
    assert_eq!(judge(SmtpStep::Greeting, &long), Err(Failure::ReplyTooLong(LINE_LIMIT)));
    let mut reply = Reply::of(SmtpStep::Greeting);
    let mut lines = 0;
    let end = loop {
        match reply.push(b"220-and another line that is not the last one\r\n") {
            Ok(_) => lines += 1,
            Err(failure) => break failure,
        }
        assert!(lines < 1_000);
    };
    assert_eq!(end, Failure::ReplyTooLong(REPLY_LIMIT));
    assert!(lines > 300);
}

proptest! {
    /// However the bytes are cut into pieces, the verdict is the same, and no more than a line is kept.
    #[test]
    fn pieces_do_not_matter(
        lines in proptest::collection::vec(
            prop_oneof![
                Just(b"220-more\r\n".to_vec()),
                Just(b"220 last\r\n".to_vec()),
                Just(b"554 no\r\n".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..40),
            ],
            0..6,
        ),
        size in 1_usize..20,
    ) {
        let bytes = lines.concat();
        let whole = judge(SmtpStep::Greeting, &bytes);
        let mut reply = Reply::of(SmtpStep::Greeting);
        let mut pieces = Ok(false);
        for piece in bytes.chunks(size) {
            pieces = reply.push(piece);
            prop_assert!(reply.line.len() <= LINE_LIMIT);
            if pieces != Ok(false) {
                break;
            }
        }
        prop_assert_eq!(pieces, whole);
    }
}
