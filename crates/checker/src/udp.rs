//! `UDP_CHECK`: a datagram that is not refused, or that is answered as expected.
#![deny(clippy::arithmetic_side_effects)]

use holdfast_health::probe::{Failure, Phase, UdpProbe, UdpReply, Verdict};

use crate::datagram::{Datagrams, wait};
use crate::progress::Progress;

/// Sends the payload and waits. Silence is good when no answer is needed: an ICMP error would be an answer.
pub(crate) async fn send(probe: &UdpProbe, progress: &mut Progress) -> Result<(), Verdict> {
    const SILENCE: Verdict = Verdict::Failure(Failure::Timeout(Phase::Reading));
    let connection = &probe.connection;
    let socket = Datagrams::udp(connection)?;
    socket.send(&probe.payload, connection, progress).await?;
    let buffer = vec![0; bytes_worth_reading(probe.reply.as_ref())];
    let answer = socket.answer(buffer, |packet| Some(judge(probe.reply.as_ref(), packet)));
    match wait(answer, connection, progress).await {
        Ok(judgement) => judgement.map_err(Verdict::Failure),
        Err(SILENCE) if probe.reply.is_none() => Ok(()),
        Err(verdict) => Err(verdict),
    }
}

/// One byte more than an answer may have, to see that it is too long.
fn bytes_worth_reading(reply: Option<&UdpReply>) -> usize {
    match reply {
        Some(UdpReply::Like { max_length, .. }) => usize::from(*max_length).saturating_add(1),
        None | Some(UdpReply::Any) => 1,
    }
}

/// Holds an answer against what is expected.
///
/// # Errors
/// It is too long or too short, or begins differently.
pub fn judge(expected: Option<&UdpReply>, packet: &[u8]) -> Result<(), Failure> {
    let Some(UdpReply::Like {
        beginning,
        min_length,
        max_length,
    }) = expected
    else {
        return Ok(());
    };
    if !(usize::from(*min_length)..=usize::from(*max_length)).contains(&packet.len()) {
        return Err(Failure::ReplyLength {
            got: packet.len(),
            min: *min_length,
            max: *max_length,
        });
    }
    match packet
        .iter()
        .zip(beginning)
        .position(|(byte, wanted)| !wanted.matches(*byte))
    {
        None => Ok(()),
        Some(at) => Err(Failure::ReplyBytes { at }),
    }
}

#[cfg(test)]
mod tests;
