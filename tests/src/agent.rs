//! An agent beside a server, which says what a test lets it say.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::node::Node;

/// An agent on a port of a node. It lives as long as the process.
#[derive(Debug)]
pub struct Agent {
    line: Arc<Mutex<String>>,
}

impl Agent {
    /// Starts one. It answers clients that first send `hears`, which may be nothing; what it says is `up 100%`.
    pub fn start(node: &Node, port: u16, hears: &'static str) -> Result<Self> {
        let listener = node
            .within(move || TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))?
            .with_context(|| format!("listening on port {port} of {}", node.name()))?;
        let line = Arc::new(Mutex::new("up 100%\n".to_owned()));
        let said = line.clone();
        let serve = move || {
            for mut stream in listener.incoming().flatten() {
                let mut question = vec![0; hears.len()];
                if stream.read_exact(&mut question).is_ok() && question == hears.as_bytes() {
                    let said = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    // Who has gone has gone.
                    let _ = stream.write_all(said.as_bytes());
                }
            }
        };
        std::thread::Builder::new().name("agent".into()).spawn(serve)?;
        Ok(Self { line })
    }

    /// What it says from now on.
    pub fn says(&self, line: &str) {
        line.clone_into(&mut self.line.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
