//! A mail relay that takes everything and keeps it. It lives as long as the process.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::node::Node;

/// One message with its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// What `MAIL FROM` and `RCPT TO` said, in their order.
    pub envelope: Vec<String>,
    /// The message, its lines ended by `\n`.
    pub text: String,
}

impl Mail {
    /// The value of a header, unfolded; empty without it.
    pub fn header(&self, name: &str) -> String {
        let head = self.text.split("\n\n").next().unwrap_or_default().replace("\n ", " ");
        let value = head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_default().to_owned()
    }

    /// What follows the headers.
    pub fn body(&self) -> &str {
        self.text.split_once("\n\n").map_or("", |(_, body)| body.trim_end())
    }
}

/// A relay on port 25 of a node.
#[derive(Debug, Clone, Default)]
pub struct Relay {
    taken: Arc<Mutex<Vec<Mail>>>,
}

impl Relay {
    /// Starts one.
    pub fn start(node: &Node) -> Result<Self> {
        let listener = node
            .within(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 25)))?
            .context("listening on the mail port")?;
        let relay = Self::default();
        let taken = relay.taken.clone();
        let serve = move || {
            for stream in listener.incoming().flatten() {
                let taken = taken.clone();
                std::thread::spawn(move || take_in(stream, &taken));
            }
        };
        std::thread::Builder::new().name("relay".into()).spawn(serve)?;
        Ok(relay)
    }

    /// All mail so far, in the order in which it came.
    pub fn mail(&self) -> Vec<Mail> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One session; ends when the client leaves.
fn take_in(stream: TcpStream, taken: &Mutex<Vec<Mail>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut mail = Mail {
        envelope: Vec::new(),
        text: String::new(),
    };
    stream.get_mut().write_all(b"220 relay\r\n")?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        let reply: &[u8] = match line.split([' ', ':']).next().unwrap_or_default() {
            "DATA" => b"354 go on\r\n",
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        stream.get_mut().write_all(reply)?;
        if line == "DATA" {
            loop {
                let mut part = String::new();
                if stream.read_line(&mut part)? == 0 {
                    return Ok(());
                }
                if part == ".\r\n" {
                    break;
                }
                mail.text.push_str(part.trim_end_matches("\r\n"));
                mail.text.push('\n');
            }
            taken.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
            stream.get_mut().write_all(b"250 taken\r\n")?;
        } else if line.starts_with("MAIL") || line.starts_with("RCPT") {
            mail.envelope.push(line);
        }
    }
}
