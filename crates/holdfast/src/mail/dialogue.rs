//! One delivery (RFC 5321 section 3), in the steps that keepalived takes.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use super::message::envelope_address;
use crate::plan::notify::MailPlan;

/// Longest reply; RFC 5321 section 4.5.3.1.5 asks for lines of 512 bytes.
const REPLY_LIMIT: u64 = 16 * 1024;

/// Longest line of a relay that is repeated in our log.
const SHOWN_CHARS: usize = 512;

/// Hands a message to the relay at the other end of a connection.
pub(super) async fn deliver<S>(stream: S, plan: &MailPlan, message: &str) -> anyhow::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut relay = Relay {
        stream: BufReader::new(stream),
        limit: plan.timeout,
    };
    relay.expect(220, "greeting").await?;
    relay.ask(&format!("HELO {}\r\n", plan.helo_name), 250).await?;
    relay
        .ask(&format!("MAIL FROM:<{}>\r\n", envelope_address(&plan.from)), 250)
        .await?;
    for address in &plan.to {
        relay
            .ask(&format!("RCPT TO:<{}>\r\n", envelope_address(address)), 250)
            .await?;
    }
    relay.ask("DATA\r\n", 354).await?;
    relay.ask(&format!("{}.\r\n", with_dots(message)), 250).await?;
    // The message is the relay's now, whatever it says of our leaving.
    let _ = relay.ask("QUIT\r\n", 221).await;
    Ok(())
}

/// A line that begins with a dot gets another one (RFC 5321 section 4.5.2).
fn with_dots(message: &str) -> String {
    let mut text = message.replace("\r\n.", "\r\n..");
    if text.starts_with('.') {
        text.insert(0, '.');
    }
    text
}

struct Relay<S> {
    stream: BufReader<S>,
    /// For each step
    limit: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Relay<S> {
    async fn ask(&mut self, request: &str, code: u16) -> anyhow::Result<()> {
        let step = request.split("\r\n").next().unwrap_or_default();
        let step = if code == 250 && request.ends_with("\r\n.\r\n") {
            "message"
        } else {
            step
        };
        let sent = self.stream.get_mut().write_all(request.as_bytes());
        in_time(self.limit, sent).await.with_context(|| step.to_owned())?;
        self.expect(code, step).await
    }

    /// Reads a reply, of several lines if need be.
    async fn expect(&mut self, wanted: u16, step: &str) -> anyhow::Result<()> {
        let mut line = Vec::new();
        let reply = async {
            let mut limited = (&mut self.stream).take(REPLY_LIMIT);
            loop {
                line.clear();
                limited.read_until(b'\n', &mut line).await?;
                if line.last() != Some(&b'\n') && limited.limit() == 0 {
                    let words = format!("a reply of more than {REPLY_LIMIT} bytes");
                    return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, words));
                }
                if line.is_empty() {
                    return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
                }
                // `250-` goes on, `250 ` ends.
                if line.get(3) != Some(&b'-') {
                    return Ok(());
                }
            }
        };
        in_time(self.limit, reply).await.with_context(|| step.to_owned())?;
        let text = String::from_utf8_lossy(&line);
        let code = text.get(..3).and_then(|code| code.parse::<u16>().ok());
        if code != Some(wanted) {
            let shown: String = text.trim_end().chars().take(SHOWN_CHARS).collect();
            bail!("{step}: answered `{}`, not {wanted}", shown.escape_default());
        }
        Ok(())
    }
}

async fn in_time<T>(limit: Duration, step: impl Future<Output = std::io::Result<T>>) -> anyhow::Result<T> {
    match tokio::time::timeout(limit, step).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => bail!("no answer within {} s", limit.as_secs()),
    }
}

#[cfg(test)]
mod tests;
