//! The kernel's IPVS table as `ipvsadm -Sn` writes it, and what becomes of it request by request.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use crate::node::Node;
use crate::trace::{Change, Request};

/// A whole table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedTable(pub BTreeMap<String, SavedService>);

/// A service of a [`SavedTable`], which knows it as `-t 192.0.2.1:80` or `-f 7`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedService {
    /// Scheduler, flags, persistence.
    pub settings: String,
    /// By `192.0.2.81:80`: forwarding method, weight and the rest.
    pub destinations: BTreeMap<String, SavedDestination>,
}

/// A real server of a [`SavedService`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedDestination {
    /// All options.
    pub settings: String,
    /// Its weight.
    pub weight: i64,
}

impl SavedTable {
    /// The table of a node.
    pub fn of(node: &Node) -> Result<Self> {
        Self::read(&node.run("ipvsadm", &["-Sn"])?)
    }

    fn read(text: &str) -> Result<Self> {
        let mut table = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [command, kind, name, rest @ ..] = words.as_slice() else {
                bail!("ipvsadm wrote {line:?}");
            };
            let (six, rest) = match rest {
                ["-6", rest @ ..] => (" -6", rest),
                rest => ("", rest),
            };
            let service = table.0.entry(format!("{kind} {name}{six}")).or_default();
            match (*command, rest) {
                ("-A", settings) => service.settings = settings.join(" "),
                ("-a", ["-r", server, settings @ ..]) => {
                    let weight = settings.iter().skip_while(|word| **word != "-w").nth(1);
                    let weight = weight.and_then(|word| word.parse().ok()).context("no weight")?;
                    let settings = settings.join(" ");
                    let destination = SavedDestination { settings, weight };
                    service.destinations.insert((*server).to_owned(), destination);
                }
                _ => bail!("ipvsadm wrote {line:?}"),
            }
        }
        Ok(table)
    }

    /// The services that are the same here and there.
    pub fn shared_with<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a String> {
        let same = |(name, service): &(&String, &SavedService)| other.0.get(*name) == Some(*service);
        self.0.iter().filter(same).map(|(name, _)| name)
    }

    /// Goes from this table to `after` by these requests.
    ///
    /// # Errors
    /// They lead elsewhere; or a service that takes connections here and there takes none on the way, or is without any
    /// real server.
    pub fn ensure_way(&self, after: &Self, requests: &[Request]) -> Result<()> {
        let weights = |table: &Self| -> BTreeMap<String, BTreeMap<String, i64>> {
            let of = |service: &SavedService| {
                service
                    .destinations
                    .iter()
                    .map(|(name, it)| (name.clone(), it.weight))
                    .collect()
            };
            table
                .0
                .iter()
                .map(|(name, service)| (name.clone(), of(service)))
                .collect()
        };
        let (before, after) = (weights(self), weights(after));
        let takes = |service: &BTreeMap<String, i64>| service.values().any(|weight| *weight > 0);
        let mut now = before.clone();
        for request in requests {
            follow(&mut now, request);
            for (name, before) in &before {
                let Some(after) = after.get(name) else { continue };
                let now = now.get(name);
                let empty = before.is_empty() || after.is_empty();
                ensure!(
                    empty || now.is_some_and(|now| !now.is_empty()),
                    "{name} has no server after {request:?} of {requests:?}"
                );
                let closed = !takes(before) || !takes(after);
                ensure!(
                    closed || now.is_some_and(takes),
                    "{name} takes nobody after {request:?} of {requests:?}"
                );
            }
        }
        ensure!(now == after, "{requests:?} lead to {now:?}, and the table is {after:?}");
        Ok(())
    }
}

fn follow(table: &mut BTreeMap<String, BTreeMap<String, i64>>, request: &Request) {
    let name = &request.service;
    match (request.change, &request.destination) {
        (Change::Flush, _) => table.clear(),
        (Change::NewService, _) => {
            table.entry(name.clone()).or_default();
        }
        (Change::DelService, _) => {
            table.remove(name);
        }
        (Change::NewDest | Change::SetDest, Some((server, weight))) => {
            table.entry(name.clone()).or_default().insert(server.clone(), *weight);
        }
        (Change::DelDest, Some((server, _))) => {
            table.entry(name.clone()).or_default().remove(server);
        }
        (Change::SetService | Change::NewDest | Change::SetDest | Change::DelDest, _) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "-A -t 192.0.2.1:80 -s rr -p 300
-a -t 192.0.2.1:80 -r 192.0.2.81:80 -g -w 1
-a -t 192.0.2.1:80 -r 192.0.2.82:80 -g -w 0 -x 5
-A -f 7 -6 -s wlc
";

    fn request(change: Change, weight: i64) -> Request {
        Request {
            change,
            service: "-t 192.0.2.1:80".to_owned(),
            destination: Some(("192.0.2.81:80".to_owned(), weight)),
        }
    }

    #[test]
    fn a_table_is_read() {
        let table = SavedTable::read(BEFORE).unwrap();
        let service = &table.0["-t 192.0.2.1:80"];
        assert_eq!(service.settings, "-s rr -p 300");
        assert_eq!(service.destinations["192.0.2.82:80"].settings, "-g -w 0 -x 5");
        assert_eq!(table.0["-f 7 -6"].settings, "-s wlc");
        let other = SavedTable::read(&BEFORE.replace("-s rr", "-s wrr")).unwrap();
        assert_eq!(table.shared_with(&other).collect::<Vec<_>>(), ["-f 7 -6"]);
    }

    #[test]
    fn a_way_without_servers_is_seen() {
        let before = SavedTable::read(BEFORE).unwrap();
        let after = SavedTable::read(&BEFORE.replace("-w 1", "-w 3")).unwrap();
        let edit = request(Change::SetDest, 3);
        before.ensure_way(&after, std::slice::from_ref(&edit)).unwrap();
        assert!(before.ensure_way(&after, &[]).is_err());
        assert!(before.ensure_way(&after, &[request(Change::SetDest, 0), edit]).is_err());
        let anew = [request(Change::DelDest, 0), request(Change::NewDest, 3)];
        assert!(before.ensure_way(&after, &anew).is_err());
    }
}
