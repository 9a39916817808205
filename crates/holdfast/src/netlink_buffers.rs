//! The room that the netlink sockets of a process are given.

use holdfast_conf::config::ReceiveBuffer;
use holdfast_net::{Monitor, NetError, Requests};

use crate::plan::buffers::NetlinkBuffers;

impl NetlinkBuffers {
    /// Gives the socket for events the room that is configured.
    pub fn apply_to_events(&self, monitor: &Monitor) {
        say("events", self.events, monitor.set_receive_buffer(wanted(self.events)));
    }

    /// Gives the socket for requests the room that is configured.
    pub fn apply_to_requests(&self, requests: &mut Requests) {
        let outcome = requests.set_receive_buffer(wanted(self.requests));
        say("requests", self.requests, outcome);
    }
}

/// 0 is as good as nothing.
fn wanted(buffer: ReceiveBuffer) -> Option<holdfast_net::ReceiveBuffer> {
    let bytes = buffer.bytes.filter(|bytes| *bytes > 0)?;
    Some(holdfast_net::ReceiveBuffer {
        bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
        force: buffer.force,
    })
}

fn say(what: &str, buffer: ReceiveBuffer, outcome: Result<usize, NetError>) {
    match (outcome, wanted(buffer)) {
        (Ok(got), Some(wanted)) if got < wanted.bytes => tracing::warn!(
            "the netlink socket for {what} has a receive buffer of {got} bytes in place of {}: net.core.rmem_max allows no \
             more, and *_rcv_bufs_force is not set",
            wanted.bytes
        ),
        (Ok(_), _) => {}
        (Err(error), _) => tracing::error!("{error}"),
    }
}
