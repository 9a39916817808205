//! Sync daemons and connection timeouts in the kernel.

use super::apply::collect_verdicts;
use super::{Kernel, LIMIT, refused};
use crate::error::Error;
use crate::netlink::{self, Attributes, push_request};
use crate::sync::{SyncDaemon, SyncRole, Timeouts};
use crate::wire::command;
use crate::wire::sync::{get_sync_daemon, get_timeouts, put_sync_daemon, put_sync_role, put_timeouts};

impl Kernel {
    /// The sync daemons that run.
    pub fn sync_daemons(&mut self) -> Result<Vec<SyncDaemon>, Error> {
        let head = self.head(netlink::DUMP, command::GET_DAEMON);
        self.ask("reading the IPVS sync daemons", head, |_| {}, get_sync_daemon)
    }

    /// Makes the daemon run, unless one that [satisfies](SyncDaemon::satisfies) runs already. Another one of the same role is
    /// stopped first. Starting and stopping takes the kernel 10-20 ms each.
    ///
    /// # Errors
    /// `ENODEV`: no such interface. `EINVAL`: a destination is of another family than its service, which excludes syncing.
    pub fn start_sync_daemon(&mut self, wanted: &SyncDaemon) -> Result<(), Error> {
        if !(1..=15).contains(&wanted.interface.len()) || wanted.interface.contains('\0') {
            let operation = format!("starting the IPVS sync {}", wanted.role);
            let reason = "an interface's name has 1 to 15 bytes";
            return Err(Error::Unsayable { operation, reason });
        }
        match self.sync_daemons()?.iter().find(|daemon| daemon.role == wanted.role) {
            Some(daemon) if daemon.satisfies(wanted) => return Ok(()),
            Some(_) => self.stop_sync_daemon(wanted.role)?,
            None => {}
        }
        let head = self.head(netlink::ACK, command::NEW_DAEMON);
        let fill = |request: &mut Attributes<'_>| put_sync_daemon(request, wanted);
        self.ask("starting an IPVS sync daemon", head, fill, |_| Ok(None::<()>))
            .map(drop)
    }

    /// Stops the daemon of a role. Fine when none runs.
    ///
    /// The kernel never answers this request when it stops a daemon that had no time to run yet (`kthread_stop` then says
    /// `EINTR`, which netlink does not acknowledge). So a second request goes with it in the same write: requests are
    /// answered in their order, and its answer ends the waiting.
    pub fn stop_sync_daemon(&mut self, role: SyncRole) -> Result<(), Error> {
        let operation = format!("stopping the IPVS sync {role}");
        let first = self.sequence.wrapping_add(1);
        self.sequence = first.wrapping_add(1);
        let mut requests = Vec::new();
        let mut stop = self.head(netlink::ACK, command::DEL_DAEMON);
        stop.sequence = first;
        push_request(&mut requests, stop, |request| put_sync_role(request, role));
        let mut barrier = self.head(netlink::ACK, command::GET_INFO);
        barrier.sequence = self.sequence;
        push_request(&mut requests, barrier, |_| {});
        let mut verdicts = [None, None];
        collect_verdicts(
            self.channel.as_mut(),
            "stopping an IPVS sync daemon",
            &requests,
            first,
            &mut verdicts,
        )?;
        match verdicts {
            [Some(verdict), _] if matches!(verdict.errno, 0 | libc::ESRCH) => Ok(()),
            [Some(verdict), _] => Err(refused(&operation, verdict)),
            [None, _] if self.sync_daemons()?.iter().any(|daemon| daemon.role == role) => Err(Error::Silence {
                operation,
                limit: LIMIT,
            }),
            [None, _] => Ok(()),
        }
    }

    /// How long idle connections are kept.
    pub fn timeouts(&mut self) -> Result<Timeouts, Error> {
        const OPERATION: &str = "reading the IPVS timeouts";
        let head = self.head(netlink::ACK, command::GET_CONFIG);
        let answer = self.ask(OPERATION, head, |_| {}, |message| get_timeouts(message).map(Some))?;
        let reason = "no answer before the end";
        answer.first().copied().ok_or(Error::Malformed {
            operation: OPERATION,
            reason,
        })
    }

    /// Sets how long idle connections are kept; 0 leaves a value as it is.
    pub fn set_timeouts(&mut self, timeouts: &Timeouts) -> Result<(), Error> {
        let head = self.head(netlink::ACK, command::SET_CONFIG);
        let fill = |request: &mut Attributes<'_>| put_timeouts(request, timeouts);
        self.ask("setting the IPVS timeouts", head, fill, |_| Ok(None::<()>))
            .map(drop)
    }
}
