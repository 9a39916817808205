//! The objects, and what is signalled when. No bus is needed for any of this.

use std::collections::BTreeMap;

use holdfast_vrrp::State;

use crate::plan::dbus::DbusPlan;

/// The object of the whole.
pub const VRRP_PATH: &str = "/org/keepalived/Vrrp1/Vrrp";

/// States of instances by name, as keepalived's numbers.
pub type States = BTreeMap<String, u8>;

/// What goes to everybody on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// `VrrpStarted`
    Started,
    /// `VrrpReloaded`
    Reloaded,
    /// `VrrpStopped`
    Stopped,
    /// `VrrpStatusChange` of the object there
    Status {
        /// Its path
        path: String,
        /// keepalived's number
        state: u8,
    },
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name
    pub name: String,
    /// Where it is
    pub path: String,
    /// Its state, keepalived's number
    pub state: u8,
}

/// A configuration that the VRRP process has not yet taken in.
#[derive(Debug)]
struct Coming {
    plan: DbusPlan,
    /// Changes of instances that stay or come
    changes: Vec<(String, u8)>,
}

/// All objects, in the order of the configuration.
#[derive(Debug)]
pub struct Objects {
    service_name: String,
    instances: Vec<Object>,
    coming: Option<Coming>,
}

impl Objects {
    /// Those of the first plan.
    pub fn new(plan: DbusPlan, states: &States) -> Self {
        Self {
            service_name: plan.service_name.clone(),
            instances: objects(plan, |name| states.get(name).copied()),
            coming: None,
        }
    }

    /// The name of the service.
    pub fn service_name(&self) -> &str {
        &self.service_name
    }

    /// The first signals: everybody's state.
    pub fn started(&self) -> Vec<Signal> {
        let states = self.instances.iter().map(|object| Signal::Status {
            path: object.path.clone(),
            state: object.state,
        });
        std::iter::once(Signal::Started).chain(states).collect()
    }

    /// A configuration has been read. In keepalived's order, whoever goes has its last word, then comes the word of the reload,
    /// then who comes.
    pub fn reload(&mut self, plan: DbusPlan) {
        let changes = self.coming.take().map(|former| former.changes).unwrap_or_default();
        self.coming = Some(Coming { plan, changes });
    }

    /// The VRRP process has taken in what has been read.
    pub fn reloaded(&mut self) -> Vec<Signal> {
        let Some(Coming { plan, changes }) = self.coming.take() else {
            return Vec::new();
        };
        let former: BTreeMap<String, u8> = self
            .instances
            .drain(..)
            .map(|object| (object.name, object.state))
            .collect();
        self.service_name.clone_from(&plan.service_name);
        self.instances = objects(plan, |name| former.get(name).copied());
        let mut signals = vec![Signal::Reloaded];
        for (name, state) in changes {
            signals.extend(self.set(&name, state));
        }
        signals
    }

    /// An instance changed its state.
    pub fn change(&mut self, name: &str, state: u8) -> Vec<Signal> {
        if let Some(coming) = &mut self.coming
            && coming.plan.instances.iter().any(|instance| instance.name == name)
        {
            coming.changes.push((name.to_owned(), state));
            return Vec::new();
        }
        self.set(name, state).into_iter().collect()
    }

    fn set(&mut self, name: &str, state: u8) -> Option<Signal> {
        let object = self.instances.iter_mut().find(|object| object.name == name)?;
        object.state = state;
        Some(Signal::Status {
            path: object.path.clone(),
            state,
        })
    }

    /// The instance there.
    pub fn instance(&self, path: &str) -> Option<&Object> {
        self.instances.iter().find(|object| object.path == path)
    }

    /// The next elements of all paths that begin with this one, in order, each once.
    pub fn children<'a>(&'a self, path: &'a str) -> Vec<&'a str> {
        let above = path.strip_suffix('/').unwrap_or(path);
        let paths = std::iter::once(VRRP_PATH).chain(self.instances.iter().map(|object| object.path.as_str()));
        let mut children: Vec<&str> = paths
            .filter_map(|path| path.strip_prefix(above)?.strip_prefix('/')?.split('/').next())
            .collect();
        children.sort_unstable();
        children.dedup();
        children
    }
}

fn objects(plan: DbusPlan, state: impl Fn(&str) -> Option<u8>) -> Vec<Object> {
    plan.instances
        .into_iter()
        .map(|instance| Object {
            state: state(&instance.name).unwrap_or(State::Init.number()),
            name: instance.name,
            path: instance.path,
        })
        .collect()
}

/// keepalived's word for a state.
pub fn word_of(state: u8) -> &'static str {
    match state {
        0 => "Init",
        1 => "Backup",
        2 => "Master",
        3 => "Fault",
        97 => "Deleted",
        98 => "Stopped",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::dbus::DbusInstance;

    fn plan(instances: &[(&str, &str)]) -> DbusPlan {
        let instance = |&(name, path): &(&str, &str)| DbusInstance {
            name: name.into(),
            path: format!("/org/keepalived/Vrrp1/Instance/{path}"),
        };
        DbusPlan {
            service_name: "org.keepalived.Vrrp1".into(),
            instances: instances.iter().map(instance).collect(),
        }
    }

    /// Signals as short words, as in a trace of keepalived 2.2.7.
    fn words(signals: &[Signal]) -> Vec<String> {
        let word = |signal: &Signal| match signal {
            Signal::Started => "started".to_owned(),
            Signal::Reloaded => "reloaded".to_owned(),
            Signal::Stopped => "stopped".to_owned(),
            Signal::Status { path, state } => format!("{} {state}", path.rsplit("Instance/").next().unwrap()),
        };
        signals.iter().map(word).collect()
    }

    #[test]
    fn the_first_signals_tell_every_state() {
        let states = States::from([("A".to_owned(), 2)]);
        let objects = Objects::new(plan(&[("A", "e/1/IPv4"), ("B", "e/2/IPv4")]), &states);
        assert_eq!(words(&objects.started()), ["started", "e/1/IPv4 2", "e/2/IPv4 0"]);
    }

    #[test]
    fn who_goes_has_the_word_before_the_reload_and_who_comes_after_it() {
        let states = States::from([("A".to_owned(), 2), ("B".to_owned(), 2)]);
        let mut objects = Objects::new(plan(&[("A", "e/1/IPv4"), ("B", "e/2/IPv4")]), &states);
        objects.reload(plan(&[("A", "e/1/IPv4"), ("C", "e/3/IPv4")]));
        assert!(objects.change("A", 1).is_empty());
        assert_eq!(words(&objects.change("B", 3)), ["e/2/IPv4 3"]);
        assert!(objects.change("C", 1).is_empty());
        assert_eq!(words(&objects.reloaded()), ["reloaded", "e/1/IPv4 1", "e/3/IPv4 1"]);
        assert!(objects.instance("/org/keepalived/Vrrp1/Instance/e/2/IPv4").is_none());
        assert!(objects.reloaded().is_empty());
        assert_eq!(words(&objects.change("C", 2)), ["e/3/IPv4 2"]);
        assert!(objects.change("B", 3).is_empty());
    }

    /// One that moves is there at once with the state that it had.
    #[test]
    fn a_reload_before_the_former_one_is_taken_in_takes_its_place() {
        let mut objects = Objects::new(plan(&[("A", "e/1/IPv4")]), &States::from([("A".to_owned(), 2)]));
        objects.reload(plan(&[("A", "e/2/IPv4")]));
        objects.reload(plan(&[("A", "f/1/IPv4")]));
        assert_eq!(words(&objects.reloaded()), ["reloaded"]);
        let moved = objects.instance("/org/keepalived/Vrrp1/Instance/f/1/IPv4").unwrap();
        assert_eq!(moved.state, 2);
    }

    #[test]
    fn every_step_of_a_path_names_the_next_ones_once() {
        let objects = Objects::new(
            plan(&[("A", "e/1/IPv4"), ("B", "e/1/IPv6"), ("C", "e_1/1/IPv4")]),
            &States::new(),
        );
        assert_eq!(objects.children("/"), ["org"]);
        assert_eq!(objects.children("/org/keepalived/Vrrp1"), ["Instance", "Vrrp"]);
        assert_eq!(objects.children("/org/keepalived/Vrrp1/Instance"), ["e", "e_1"]);
        assert_eq!(objects.children("/org/keepalived/Vrrp1/Instance/e/1"), ["IPv4", "IPv6"]);
        assert!(objects.children("/org/keepalived/Vrrp1/Instance/e/1/IPv4").is_empty());
        assert!(objects.children("/other").is_empty());
    }
}
