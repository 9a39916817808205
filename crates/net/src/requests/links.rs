//! Making, changing and deleting links.

use std::io;

use super::{Applied, Outcome, Requests};
use crate::error::NetError;
use crate::link::{self, MacAddress, OwnLink, Step};
use crate::netlink::{self, RequestWriter};

/// One change of a link, for messages.
struct Work {
    operation: &'static str,
    object: String,
    kind: u16,
    flags: u16,
    /// The error number that says that things are as they should be already.
    already_so: Option<i32>,
}

impl Requests {
    /// Makes an interface, which is switched off at first and gets no address by itself. One of its name that is there
    /// already is an error (`EEXIST`), whatever it is. The interface is in the next answer of [`Requests::links`].
    pub async fn make_link(&mut self, link: &OwnLink) -> Result<(), NetError> {
        let object = link.to_string();
        let name = link::check_new(link).map_err(|detail| NetError::Unfit {
            operation: "make",
            object: object.clone(),
            detail,
        })?;
        let work = Work {
            operation: "make",
            object,
            kind: link::NEW,
            flags: netlink::CREATE | netlink::EXCLUSIVE,
            already_so: None,
        };
        self.work(work, |body| link::encode_new(link, &name, body))
            .await
            .map(drop)
    }

    /// Keeps the kernel from making link-local IPv6 addresses on an interface (`ip link set addrgenmode none`).
    pub async fn make_no_own_addresses(&mut self, index: u32) -> Result<(), NetError> {
        let body = |body: &mut RequestWriter| link::encode_no_own_addresses(index, body);
        self.change_link("set the address generation of", index, body).await
    }

    /// Switches an interface on or off. A macvlan may be on while its parent is off; it has no carrier then.
    pub async fn switch_link(&mut self, index: u32, on: bool) -> Result<(), NetError> {
        let operation = if on { "switch on" } else { "switch off" };
        let body = |body: &mut RequestWriter| Step::Switch { on }.encode(index, body);
        self.change_link(operation, index, body).await
    }

    /// Gives an interface another hardware address. Everybody who listens to links hears of it, be it the one that it has.
    pub async fn set_mac(&mut self, index: u32, mac: MacAddress) -> Result<(), NetError> {
        let body = |body: &mut RequestWriter| Step::Mac(mac).encode(index, body);
        self.change_link("set the hardware address of", index, body).await
    }

    /// Puts an interface into a VRF, by the number of that, or takes it out. The kernel switches it off and on.
    pub async fn set_master(&mut self, index: u32, master: Option<u32>) -> Result<(), NetError> {
        let body = |body: &mut RequestWriter| Step::Master(master).encode(index, body);
        self.change_link("set the VRF of", index, body).await
    }

    /// Deletes an interface that was made; one that is gone already is fine.
    pub async fn delete_link(&mut self, index: u32) -> Outcome {
        let work = Work {
            operation: "delete",
            object: format!("interface {index}"),
            kind: link::DELETE,
            flags: 0,
            already_so: Some(libc::ENODEV),
        };
        self.work(work, |body| link::encode_number(index, body)).await
    }

    async fn change_link(
        &mut self,
        operation: &'static str,
        index: u32,
        body: impl FnOnce(&mut RequestWriter),
    ) -> Result<(), NetError> {
        let work = Work {
            operation,
            object: format!("interface {index}"),
            kind: link::NEW,
            flags: 0,
            already_so: None,
        };
        self.work(work, body).await.map(drop)
    }

    /// One request and its answer.
    async fn work(&mut self, work: Work, body: impl FnOnce(&mut RequestWriter)) -> Outcome {
        self.sequence = self.sequence.wrapping_add(1);
        let own = self.sequence;
        let mut writer = RequestWriter::default();
        let flags = netlink::REQUEST | netlink::ACK | work.flags;
        writer.message(work.kind, flags, own, body);
        let mut answer = None;
        let take = |sequence: u32, verdict| {
            let is_ours = sequence == own;
            if is_ours {
                answer = Some(verdict);
            }
            is_ours
        };
        self.collect(&writer, 1, take)
            .await
            .map_err(|failure| failure.into_error(work.operation, &work.object))?;
        match answer {
            Some(verdict) if verdict.errno == 0 => Ok(Applied::Changed),
            Some(verdict) if work.already_so == Some(verdict.errno) => Ok(Applied::AlreadySo),
            Some(verdict) => Err(NetError::Refused {
                operation: work.operation,
                object: work.object,
                source: io::Error::from_raw_os_error(verdict.errno),
                reason: verdict.reason,
            }),
            None => Ok(Applied::AlreadySo),
        }
    }
}
