//! What is answered to a call: an error, a value, or that somebody else has to do something first. The texts of errors are
//! those of the library that keepalived uses.

use serde::{Deserialize, Serialize};

use super::introspection;
use super::objects::{Objects, VRRP_PATH};
use crate::state_files::StateFile;

/// The interface of the whole.
pub const VRRP_INTERFACE: &str = "org.keepalived.Vrrp1.Vrrp";
/// The interface of an instance.
pub const INSTANCE_INTERFACE: &str = "org.keepalived.Vrrp1.Instance";

const INTROSPECTABLE: &str = "org.freedesktop.DBus.Introspectable";
const PEER: &str = "org.freedesktop.DBus.Peer";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// No such object, interface or method.
const UNKNOWN_METHOD: &str = "org.freedesktop.DBus.Error.UnknownMethod";
/// Arguments that do not fit.
const INVALID_ARGS: &str = "org.freedesktop.DBus.Error.InvalidArgs";
/// It could not be done.
pub const FAILED: &str = "org.freedesktop.DBus.Error.Failed";

/// A call as it came.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Of the object
    pub path: &'a str,
    /// May be left out
    pub interface: Option<&'a str>,
    /// The method
    pub member: &'a str,
    /// The types of the arguments
    pub signature: &'a str,
    /// The first arguments, as far as they are strings
    pub words: &'a [String],
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is done
    Nothing,
    /// A string
    Text(String),
    /// One property
    Property(Property),
    /// All of an object
    Properties(Vec<Property>),
    /// The name and the text of an error
    Error(&'static str, String),
    /// Somebody else does it, and it is answered when that is done
    Later(Request),
    /// Somebody else does it, and it is answered at once
    Now(Request),
}

/// A property of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// `Name`
    Name(String),
    /// `State`, keepalived's number
    State(u8),
}

/// What the daemon is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Read the configuration again
    Reload,
    /// Tell the neighbours once more where the addresses of this instance are
    Announce(String),
    /// Write a state file
    Write(StateFile),
}

impl Property {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Name(_) => "Name",
            Self::State(_) => "State",
        }
    }
}

/// What to answer. `machine_id`: of this host.
pub fn answer(objects: &Objects, call: &Call<'_>, machine_id: impl FnOnce() -> Option<String>) -> Answer {
    match call.interface {
        Some(PEER) => return peer(call, machine_id),
        Some(INTROSPECTABLE) => {
            return with_arguments(call, "Introspect", "", || {
                Answer::Text(introspection::of(objects, call.path))
            });
        }
        _ => {}
    }
    let Some(properties) = properties_at(objects, call.path) else {
        return unknown(format!("Object does not exist at path “{}”", call.path));
    };
    match call.interface {
        Some(PROPERTIES) => properties_call(call, &properties),
        Some(VRRP_INTERFACE) | None if call.path == VRRP_PATH => vrrp(call),
        Some(INSTANCE_INTERFACE) | None if call.path != VRRP_PATH => instance(call, &properties),
        interface => unknown(format!(
            "No such interface “{}” on object at path {}",
            interface.unwrap_or_default(),
            call.path
        )),
    }
}

/// All properties of the object there; `None`: there is none.
fn properties_at(objects: &Objects, path: &str) -> Option<Vec<Property>> {
    if path == VRRP_PATH {
        return Some(Vec::new());
    }
    let object = objects.instance(path)?;
    Some(vec![Property::Name(object.name.clone()), Property::State(object.state)])
}

fn vrrp(call: &Call<'_>) -> Answer {
    let request = match call.member {
        "PrintData" => Answer::Later(Request::Write(StateFile::Data)),
        "PrintStats" => Answer::Later(Request::Write(StateFile::Stats)),
        "PrintStatsClear" => Answer::Later(Request::Write(StateFile::StatsClear)),
        // The processes take their time, and keepalived does not wait for them either.
        "ReloadConfig" => Answer::Now(Request::Reload),
        _ => return no_method(call),
    };
    with_arguments(call, call.member, "", || request)
}

fn instance(call: &Call<'_>, properties: &[Property]) -> Answer {
    with_arguments(call, "SendGarp", "", || match properties.first() {
        Some(Property::Name(name)) => Answer::Now(Request::Announce(name.clone())),
        _ => no_method(call),
    })
}

fn peer(call: &Call<'_>, machine_id: impl FnOnce() -> Option<String>) -> Answer {
    match call.member {
        "GetMachineId" => with_arguments(call, "GetMachineId", "", || match machine_id() {
            Some(id) => Answer::Text(id),
            None => Answer::Error(FAILED, "this host has no machine-id".into()),
        }),
        _ => with_arguments(call, "Ping", "", || Answer::Nothing),
    }
}

fn properties_call(call: &Call<'_>, properties: &[Property]) -> Answer {
    let types = match call.member {
        "Get" => "ss",
        "GetAll" => "s",
        "Set" => "ssv",
        // There it is one of the interfaces that the library answers for itself.
        _ => {
            return unknown(format!(
                "No such interface “{PROPERTIES}” on object at path {}",
                call.path
            ));
        }
    };
    with_arguments(call, call.member, types, || {
        let word = |place: usize| call.words.get(place).map_or("", String::as_str);
        let interface = word(0);
        let own = if call.path == VRRP_PATH {
            VRRP_INTERFACE
        } else {
            INSTANCE_INTERFACE
        };
        if interface != own {
            return Answer::Error(INVALID_ARGS, format!("No such interface “{interface}”"));
        }
        if call.member == "GetAll" {
            return Answer::Properties(properties.to_vec());
        }
        let name = word(1);
        match properties.iter().find(|property| property.name() == name) {
            None => Answer::Error(INVALID_ARGS, format!("No such property “{name}”")),
            Some(_) if call.member == "Set" => {
                Answer::Error(INVALID_ARGS, format!("Property “{name}” is not writable"))
            }
            Some(property) => Answer::Property(property.clone()),
        }
    })
}

/// The answer if the method is this one and the arguments are of these types.
fn with_arguments(call: &Call<'_>, member: &str, types: &str, answer: impl FnOnce() -> Answer) -> Answer {
    if call.member != member {
        return no_method(call);
    }
    if call.signature != types {
        return Answer::Error(
            INVALID_ARGS,
            format!(
                "Type of message, “({})”, does not match expected type “({types})”",
                call.signature
            ),
        );
    }
    answer()
}

fn no_method(call: &Call<'_>) -> Answer {
    unknown(format!("No such method “{}”", call.member))
}

fn unknown(text: String) -> Answer {
    Answer::Error(UNKNOWN_METHOD, text)
}

#[cfg(test)]
mod tests {
    use super::super::objects::States;
    use super::*;
    use crate::plan::dbus::{DbusInstance, DbusPlan};

    const A: &str = "/org/keepalived/Vrrp1/Instance/eth0/51/IPv4";

    fn ask(path: &str, method: &str, signature: &str, words: &[&str]) -> Answer {
        let plan = DbusPlan {
            service_name: "org.keepalived.Vrrp1".into(),
            instances: vec![DbusInstance {
                name: "VI_1".into(),
                path: A.into(),
            }],
        };
        let objects = Objects::new(plan, &States::from([("VI_1".to_owned(), 2)]));
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (interface, member) = method.rsplit_once('.').unwrap_or(("", method));
        let call = Call {
            path,
            interface: Some(interface).filter(|interface| !interface.is_empty()),
            member,
            signature,
            words: &words,
        };
        answer(&objects, &call, || Some("0123".into()))
    }

    fn error(answer: Answer) -> (&'static str, String) {
        match answer {
            Answer::Error(name, text) => (name.rsplit('.').next().unwrap(), text),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn methods_ask_for_what_they_are_named_after() {
        let write = |file| Answer::Later(Request::Write(file));
        let vrrp = |member: &str| ask(VRRP_PATH, &format!("{VRRP_INTERFACE}.{member}"), "", &[]);
        assert_eq!(vrrp("PrintData"), write(StateFile::Data));
        assert_eq!(vrrp("PrintStats"), write(StateFile::Stats));
        assert_eq!(vrrp("PrintStatsClear"), write(StateFile::StatsClear));
        assert_eq!(vrrp("ReloadConfig"), Answer::Now(Request::Reload));
        let announce = Answer::Now(Request::Announce("VI_1".into()));
        assert_eq!(ask(A, &format!("{INSTANCE_INTERFACE}.SendGarp"), "", &[]), announce);
        // The specification leaves the interface to whoever calls.
        assert_eq!(ask(A, "SendGarp", "", &[]), announce);
    }

    #[test]
    fn properties_are_read_and_never_written() {
        let get = |name| {
            ask(
                A,
                "org.freedesktop.DBus.Properties.Get",
                "ss",
                &[INSTANCE_INTERFACE, name],
            )
        };
        assert_eq!(get("Name"), Answer::Property(Property::Name("VI_1".into())));
        assert_eq!(get("State"), Answer::Property(Property::State(2)));
        let all = |path, interface| ask(path, "org.freedesktop.DBus.Properties.GetAll", "s", &[interface]);
        let both = vec![Property::Name("VI_1".into()), Property::State(2)];
        assert_eq!(all(A, INSTANCE_INTERFACE), Answer::Properties(both));
        assert_eq!(all(VRRP_PATH, VRRP_INTERFACE), Answer::Properties(Vec::new()));
        let set = ask(
            A,
            "org.freedesktop.DBus.Properties.Set",
            "ssv",
            &[INSTANCE_INTERFACE, "Name"],
        );
        assert_eq!(error(set), ("InvalidArgs", "Property “Name” is not writable".into()));
    }

    /// Name and text as gdbus shows them of keepalived 2.2.7.
    #[test]
    fn errors_are_those_that_keepalived_answers() {
        let name = "org.keepalived.Vrrp1.Vrrp.PrintData";
        let get = "org.freedesktop.DBus.Properties.Get";
        let cases = [
            (
                ask(VRRP_PATH, "org.keepalived.Vrrp1.Vrrp.CreateInstance", "", &[]),
                "UnknownMethod",
                "No such method “CreateInstance”",
            ),
            (
                ask("/foo", name, "", &[]),
                "UnknownMethod",
                "Object does not exist at path “/foo”",
            ),
            (
                ask("/foo", get, "ss", &["x.y", "Name"]),
                "UnknownMethod",
                "Object does not exist at path “/foo”",
            ),
            (
                ask(A, name, "", &[]),
                "UnknownMethod",
                "No such interface “org.keepalived.Vrrp1.Vrrp” on object at path /org/keepalived/Vrrp1/Instance/eth0/51/IPv4",
            ),
            (
                ask(VRRP_PATH, "org.keepalived.Vrrp1.Nope.PrintData", "", &[]),
                "UnknownMethod",
                "No such interface “org.keepalived.Vrrp1.Nope” on object at path /org/keepalived/Vrrp1/Vrrp",
            ),
            (
                ask(VRRP_PATH, "org.freedesktop.DBus.Properties.Nope", "s", &["x.y"]),
                "UnknownMethod",
                "No such interface “org.freedesktop.DBus.Properties” on object at path /org/keepalived/Vrrp1/Vrrp",
            ),
            (
                ask(VRRP_PATH, name, "i", &[]),
                "InvalidArgs",
                "Type of message, “(i)”, does not match expected type “()”",
            ),
            (
                ask(A, get, "ss", &["x.y", "Name"]),
                "InvalidArgs",
                "No such interface “x.y”",
            ),
            (
                ask(A, get, "ss", &[INSTANCE_INTERFACE, "Nope"]),
                "InvalidArgs",
                "No such property “Nope”",
            ),
        ];
        for (answer, name, text) in cases {
            assert_eq!(error(answer), (name, text.to_owned()));
        }
    }

    #[test]
    fn whoever_asks_whether_we_are_there_is_answered_wherever() {
        assert_eq!(ask("/foo", "org.freedesktop.DBus.Peer.Ping", "", &[]), Answer::Nothing);
        let id = ask("/foo", "org.freedesktop.DBus.Peer.GetMachineId", "", &[]);
        assert_eq!(id, Answer::Text("0123".into()));
        let Answer::Text(nothing) = ask("/foo", "org.freedesktop.DBus.Introspectable.Introspect", "", &[]) else {
            panic!("no text");
        };
        assert!(nothing.ends_with("<node>\n</node>\n"), "{nothing}");
    }
}
