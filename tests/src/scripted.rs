//! Servers that say just what a test tells them, right or wrong. They live as long as the process.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};

use anyhow::{Context, Result};

use crate::node::Node;

/// The longest packet that is looked at.
const PACKET_BYTES: usize = 2048;

/// A TCP server on a port of a node. To each client it says the first line, and after each line it hears the next; it
/// hears one more line after its last, and closes.
pub fn dialogue(node: &Node, port: u16, lines: &'static [&'static str]) -> Result<()> {
    let listener = node
        .within(move || TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))?
        .with_context(|| format!("listening on port {port} of {}", node.name()))?;
    let serve = move || {
        for stream in listener.incoming().flatten() {
            // A server that is silent must not keep the next client waiting.
            std::thread::spawn(move || speak(stream, lines));
        }
    };
    std::thread::Builder::new().name("dialogue".into()).spawn(serve)?;
    Ok(())
}

/// Ends when the client has enough.
fn speak(stream: TcpStream, lines: &[&str]) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut heard = String::new();
    for line in lines {
        stream.get_mut().write_all(line.as_bytes())?;
        heard.clear();
        stream.read_line(&mut heard)?;
    }
    Ok(())
}

/// A UDP server on a port of a node. It answers each packet with those that `answers` makes of it.
pub fn datagrams(node: &Node, port: u16, answers: fn(&[u8]) -> Vec<Vec<u8>>) -> Result<()> {
    let socket = node
        .within(move || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)))?
        .with_context(|| format!("a socket on port {port} of {}", node.name()))?;
    let serve = move || {
        let mut buffer = [0; PACKET_BYTES];
        loop {
            let Ok((length, client)) = socket.recv_from(&mut buffer) else {
                // The client has closed its socket: the error says so, and the next one may ask.
                continue;
            };
            for answer in answers(buffer.get(..length).unwrap_or_default()) {
                let _ = socket.send_to(&answer, client);
            }
        }
    };
    std::thread::Builder::new().name("datagrams".into()).spawn(serve)?;
    Ok(())
}
