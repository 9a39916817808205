//! Messages of the bus: all that knows the library for it.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::os::unix::net::UnixStream;
use std::pin::Pin;

use anyhow::Context;
use futures_core::Stream;
use zbus::connection::Builder;
use zbus::message::{Flags, Type};
use zbus::{Connection, Message, MessageStream, Variant};

use super::calls::{Answer, INSTANCE_INTERFACE, Property, VRRP_INTERFACE};
use super::objects::{Signal, VRRP_PATH, word_of};

/// The bus itself.
const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";

/// The answer to `RequestName` of who has the name now.
const PRIMARY_OWNER: u32 = 1;
const ALREADY_OWNER: u32 = 4;

/// A connection to a bus.
#[derive(Debug)]
pub struct Bus {
    connection: Connection,
    messages: MessageStream,
}

/// What became of a wish for a name.
#[derive(Debug)]
pub enum Ownership {
    /// It is ours
    Ours,
    /// It is another program's, and ours when that goes
    Waits,
    /// We may not have it
    Refused(String),
}

/// A call, and what it takes to answer it.
#[derive(Debug)]
pub struct Incoming {
    /// Of the object
    pub path: String,
    /// May be left out
    pub interface: Option<String>,
    /// The method
    pub member: String,
    /// The types of the arguments
    pub signature: String,
    /// The first arguments, as far as they are strings
    pub words: Vec<String>,
    message: Message,
}

impl Bus {
    /// Makes itself known over a connected socket. `user`: who connected it.
    pub async fn connect(socket: UnixStream, user: u32) -> anyhow::Result<Self> {
        socket.set_nonblocking(true)?;
        let connection = Builder::unix_stream(socket).user_id(user).build().await?;
        Ok(Self {
            messages: MessageStream::from(&connection),
            connection,
        })
    }

    /// The next call; `None`: the bus is gone. Can be cancelled without loss.
    pub async fn next_call(&mut self) -> Option<Incoming> {
        loop {
            let message = poll_fn(|context| Pin::new(&mut self.messages).poll_next(context))
                .await?
                .ok()?;
            if message.message_type() == Type::MethodCall
                && let Some(call) = Incoming::read(message)
            {
                return Some(call);
            }
        }
    }

    /// Tells everybody.
    pub async fn emit(&self, signal: &Signal) -> anyhow::Result<()> {
        let connection = &self.connection;
        let nobody = None::<&str>;
        let of_vrrp = async |name: &str| {
            connection
                .emit_signal(nobody, VRRP_PATH, VRRP_INTERFACE, name, &())
                .await
        };
        let sent = match signal {
            Signal::Started => of_vrrp("VrrpStarted").await,
            Signal::Reloaded => of_vrrp("VrrpReloaded").await,
            Signal::Stopped => of_vrrp("VrrpStopped").await,
            Signal::Status { path, state } => {
                let state = u32::from(*state);
                let (path, name) = (path.as_str(), "VrrpStatusChange");
                connection
                    .emit_signal(nobody, path, INSTANCE_INTERFACE, name, &state)
                    .await
            }
        };
        sent.context("cannot signal on the D-Bus system bus")
    }

    /// Answers a call, if its sender waits for that.
    pub async fn answer(&self, call: &Incoming, answer: Answer) -> anyhow::Result<()> {
        if call.message.primary_header().flags().contains(Flags::NO_REPLY_EXPECTED) {
            return Ok(());
        }
        let header = call.message.header();
        let connection = &self.connection;
        let sent = match answer {
            Answer::Nothing | Answer::Now(_) | Answer::Later(_) => connection.reply(&header, &()).await,
            Answer::Text(text) => connection.reply(&header, &text).await,
            Answer::Property(property) => connection.reply(&header, &value(&property)).await,
            Answer::Properties(all) => {
                let all: BTreeMap<&str, Variant<'_>> = all.iter().map(|it| (it.name(), value(it))).collect();
                connection.reply(&header, &all).await
            }
            Answer::Error(name, text) => connection.reply_error(&header, name, &text).await,
        };
        sent.context("cannot answer on the D-Bus system bus")
    }

    /// Wants to be known by this name.
    pub async fn request(&self, name: &str) -> anyhow::Result<Ownership> {
        let wish = (name, 0_u32);
        let asked = self
            .connection
            .call_method(Some(BUS), BUS_PATH, Some(BUS), "RequestName", &wish);
        let reply = match asked.await {
            Ok(reply) => reply,
            // The bus is well, and says no.
            Err(error @ (zbus::Error::MethodError(..) | zbus::Error::FDO(_))) => {
                return Ok(Ownership::Refused(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        let answer: u32 = reply.body().deserialize()?;
        Ok(match answer {
            PRIMARY_OWNER | ALREADY_OWNER => Ownership::Ours,
            _ => Ownership::Waits,
        })
    }

    /// Gives a name back.
    pub async fn release(&self, name: &str) -> anyhow::Result<()> {
        self.connection
            .call_method(Some(BUS), BUS_PATH, Some(BUS), "ReleaseName", &name)
            .await?;
        Ok(())
    }
}

impl Incoming {
    /// `None`: a call without what every call has.
    fn read(message: Message) -> Option<Self> {
        let header = message.header();
        let path = header.path()?.to_string();
        let interface = header.interface().map(ToString::to_string);
        let member = header.member()?.to_string();
        let signature = header.signature().to_string_no_parens();
        let body = message.body();
        // The only arguments that anybody takes.
        let words = match signature.as_str() {
            "s" => body.deserialize::<&str>().map(|word| vec![word.to_owned()]),
            "ss" => body
                .deserialize::<(&str, &str)>()
                .map(|both| vec![both.0.to_owned(), both.1.to_owned()]),
            "ssv" => body
                .deserialize::<(&str, &str, Variant<'_>)>()
                .map(|all| vec![all.0.to_owned(), all.1.to_owned()]),
            _ => Ok(Vec::new()),
        };
        let words = words.unwrap_or_default();
        drop(header);
        Some(Self {
            path,
            interface,
            member,
            signature,
            words,
            message,
        })
    }
}

/// In the form that keepalived's have: each is a structure.
fn value(property: &Property) -> Variant<'_> {
    match property {
        Property::Name(name) => Variant::new((name.as_str(),)),
        Property::State(state) => Variant::new((u32::from(*state), word_of(*state))),
    }
}
