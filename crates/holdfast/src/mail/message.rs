//! The message: keepalived's headers in keepalived's order (RFC 5322), and one line of text.

use super::Letter;
use crate::local_time;
use crate::plan::notify::MailPlan;

/// The date of a message (RFC 5322 section 3.3).
const DATE: &std::ffi::CStr = c"%a, %d %b %Y %H:%M:%S %z";

/// The whole message with the line ends of mail, without the dot at its end.
pub(super) fn compose(plan: &MailPlan, letter: &Letter) -> String {
    let to: Vec<String> = plan.to.iter().map(|address| one_line(address)).collect();
    format!(
        "Date: {}\r\nFrom: {}\r\nSubject: {}\r\nX-Mailer: Keepalived\r\nTo: {}\r\n\r\n{}\r\n",
        local_time::format(DATE),
        one_line(&plan.from),
        one_line(&letter.subject),
        to.join(",\r\n "),
        one_line(&letter.text),
    )
}

/// Without line ends, which would begin another header.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n', '\0'], " ")
}

/// The address within `Name <address>`.
pub(super) fn envelope_address(address: &str) -> &str {
    match address.rsplit_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or(rest),
        None => address,
    }
    .trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_is_not_part_of_the_envelope() {
        assert_eq!(envelope_address("root@example.org"), "root@example.org");
        assert_eq!(envelope_address("\"Ops, Team\" <ops@example.org>"), "ops@example.org");
        assert_eq!(envelope_address("Ops <ops@example.org> "), "ops@example.org");
    }

    #[test]
    fn headers_stand_in_keepalived_s_order_and_cannot_be_smuggled_in() {
        let plan = MailPlan {
            host: String::new(),
            port: 25,
            timeout: std::time::Duration::from_secs(1),
            helo_name: "lb1".into(),
            router_id: "lb1".into(),
            from: "lb1@example.org".into(),
            to: vec!["a@example.org".into(), "B <b@example.org>".into()],
            no_faults: false,
            only_changes_of_real_servers: false,
        };
        let letter = Letter {
            subject: "[lb1] VRRP Instance a\r\nBcc: x@example.org - Stopping".into(),
            text: "=> VRRP Instance stopping <=".into(),
        };
        let message = compose(&plan, &letter);
        let (date, rest) = message.split_once("\r\n").unwrap();
        // Sat, 21 Nov 2026 05:12:44 +0000
        assert_eq!(date.len(), "Date: Sat, 21 Nov 2026 05:12:44 +0000".len(), "{date}");
        assert_eq!(
            rest,
            "From: lb1@example.org\r\nSubject: [lb1] VRRP Instance a  Bcc: x@example.org - Stopping\r\n\
             X-Mailer: Keepalived\r\nTo: a@example.org,\r\n B <b@example.org>\r\n\r\n=> VRRP Instance stopping <=\r\n"
        );
    }
}
