//! Tells the world of changes: scripts, FIFOs, mail, in this order for each change. Nothing here ever waits for whom it
//! tells.

mod fifo;
mod mail;
mod scripts;

use std::time::Duration;

use holdfast_health::action::Notification;

use self::fifo::Fifo;
use self::mail::Letters;
use crate::ipc::VrrpNotification;
use crate::mail::Mailer;
use crate::plan::notify::{Audience, NotifyPlan};
use crate::plan::scripts::ScriptTable;
use crate::scripts::Runner;
use crate::status::VrrpStatus;

/// Whom changes are told to.
#[derive(Debug, Default)]
pub struct Notifier {
    plan: NotifyPlan,
    /// Before the last reload: the last words of those that left by it come after it.
    former: ScriptTable,
    runner: Runner,
    fifos: Vec<Fifo>,
    mailer: Option<Mailer>,
    letters: Letters,
    /// States are to be written to the FIFOs again as soon as they are known
    states_wanted: bool,
}

impl Notifier {
    /// Takes over a plan. FIFOs that stay the same stay open, and so do their readers.
    pub fn configure(&mut self, plan: NotifyPlan) {
        let former = std::mem::replace(&mut self.plan, plan);
        self.former = former.scripts;
        let mut open = std::mem::take(&mut self.fifos);
        for wanted in &self.plan.fifos {
            if let Some(place) = open.iter().position(|fifo| fifo.plan() == wanted) {
                self.fifos.push(open.swap_remove(place));
                continue;
            }
            // Only one may be at a path: the former one goes first.
            open.retain(|fifo| fifo.plan().path != wanted.path);
            match Fifo::open(wanted.clone()) {
                Ok(fifo) => self.fifos.push(fifo),
                Err(error) => tracing::error!("FIFO {} will not be used: {error:#}", wanted.path.display()),
            }
        }
        if former.mail != self.plan.mail {
            self.mailer = self.plan.mail.clone().map(Mailer::start);
        }
    }

    /// A change of an instance or a group.
    pub fn vrrp(&mut self, change: &VrrpNotification) {
        let table = table_of_vrrp(&self.plan.scripts, &self.former, change);
        scripts::vrrp_scripts(table, change, &mut self.runner);
        let line = fifo::vrrp_line(change);
        write_line(&mut self.fifos, Audience::Vrrp, &line);
        if let (Some(plan), Some(mailer)) = (&self.plan.mail, &self.mailer)
            && let Some(letter) = self.letters.of_vrrp(plan, table, change)
        {
            mailer.send(letter);
        }
    }

    /// A change of a real server, a check or a quorum.
    pub fn checker(&mut self, change: &Notification) {
        if change.is_for_managers_only() {
            return;
        }
        let table = table_of_checker(&self.plan.scripts, &self.former, change);
        scripts::checker_scripts(table, change, &mut self.runner);
        if let Some(line) = fifo::checker_line(change) {
            write_line(&mut self.fifos, Audience::Lvs, &line);
        }
        if let (Some(plan), Some(mailer)) = (&self.plan.mail, &self.mailer)
            && let Some(letter) = mail::of_checker(plan, table, change)
        {
            mailer.send(letter);
        }
    }

    /// After a reload: `fifo_write_vrrp_states_on_reload`.
    pub fn reloaded(&mut self) {
        self.states_wanted = self.plan.write_states_on_reload;
    }

    /// The states of all instances are known.
    pub fn states(&mut self, report: &VrrpStatus) {
        if !std::mem::take(&mut self.states_wanted) {
            return;
        }
        for change in fifo::states(report) {
            let line = fifo::vrrp_line(&change);
            write_line(&mut self.fifos, Audience::Vrrp, &line);
        }
    }

    /// Waits for scripts and mail at most this long, then leaves them.
    pub async fn finish(self, limit: Duration) {
        let mail = async {
            if let Some(mailer) = self.mailer {
                mailer.finish(limit).await;
            }
        };
        let fifos = async {
            for fifo in self.fifos {
                fifo.close().await;
            }
        };
        tokio::join!(self.runner.finish(limit), mail, fifos);
    }
}

fn write_line(fifos: &mut [Fifo], audience: Audience, line: &str) {
    let listening = fifos
        .iter_mut()
        .filter(|fifo| [audience, Audience::All].contains(&fifo.plan().audience));
    listening.for_each(|fifo| fifo.write(line));
}

/// The table that knows an instance or a group: what a reload removed is known by the former one, also when its name lives
/// on as another virtual router.
fn table_of_vrrp<'a>(present: &'a ScriptTable, former: &'a ScriptTable, change: &VrrpNotification) -> &'a ScriptTable {
    let knows = |table: &ScriptTable| {
        let subjects = if change.is_group {
            &table.groups
        } else {
            &table.instances
        };
        subjects.contains_key(&change.name)
    };
    let is_removed = change.state == "DELETED" || !knows(present);
    if is_removed && knows(former) { former } else { present }
}

/// The same for services.
fn table_of_checker<'a>(present: &'a ScriptTable, former: &'a ScriptTable, change: &Notification) -> &'a ScriptTable {
    let (virtual_server, real_server) = match change {
        Notification::RealServer {
            virtual_server,
            real_server,
            ..
        }
        | Notification::Check {
            virtual_server,
            real_server,
            ..
        } => (virtual_server, Some(real_server)),
        Notification::Quorum { virtual_server, .. } => (virtual_server, None),
    };
    let known = present
        .virtual_servers
        .get(virtual_server)
        .is_some_and(|server| real_server.is_none_or(|name| server.real_servers.contains_key(name)));
    if known { present } else { former }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::scripts::StateScripts;

    fn table(name: &str) -> ScriptTable {
        ScriptTable {
            instances: [(name.to_owned(), StateScripts::default().into())].into(),
            ..ScriptTable::default()
        }
    }

    #[test]
    fn the_removed_are_known_by_the_scripts_that_they_had() {
        let (present, former) = (table("VI_2"), table("VI_1"));
        let is_former = |present: &ScriptTable, name: &str, state: &str| {
            let change = VrrpNotification {
                is_group: false,
                name: name.to_owned(),
                state: state.to_owned(),
                priority: 100,
            };
            std::ptr::eq(table_of_vrrp(present, &former, &change), &raw const former)
        };
        assert!(is_former(&present, "VI_1", "DELETED"));
        assert!(is_former(&present, "VI_1", "FAULT"));
        assert!(!is_former(&present, "VI_2", "FAULT"));
        // The same name on another interface is another virtual router; it lives.
        assert!(is_former(&table("VI_1"), "VI_1", "DELETED"));
        assert!(!is_former(&table("VI_1"), "VI_1", "FAULT"));
        assert!(!is_former(&present, "VI_3", "FAULT"));
    }
}
