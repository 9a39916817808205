//! Real servers of HTTP/2: nginx, and gRPC's own library for Python.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bed::node::{Node, Process};
use bed::wait;
use nix::sys::signal::Signal;

use crate::credentials::Credentials;

/// Nodes have a `/run` of their own.
const CERTIFICATE: &str = "/run/servers/certificate.pem";
const KEY: &str = "/run/servers/key.pem";
const WEB_CONFIGURATION: &str = "/run/servers/web.conf";
const HEALTH_PROGRAM: &str = "/run/servers/health.py";
/// What the health service says of each service.
const HEALTH: &str = "/run/servers/health";
/// While it is there, nginx has no time.
const WEB_IS_DOWN: &str = "/run/servers/down";

/// Python takes its time in a busy guest.
const LIMIT: Duration = Duration::from_mins(1);

/// Ports of nginx. 8001: HTTP/2; 8002: HTTP/1; 8443: TLS with HTTP/2; 8444: TLS without. Of 9001, 9002 and 9443 see `health.py`.
const WEB_PORTS: [u16; 4] = [8001, 8002, 8443, 8444];
const HEALTH_PORTS: [u16; 3] = [9001, 9002, 9443];

/// The files of the servers on a node, which outlive them.
pub(crate) fn prepare(node: &Node, credentials: &Credentials) -> Result<()> {
    fs::create_dir_all(node.path(HEALTH))?;
    let files = [
        (CERTIFICATE, credentials.certificate.to_pem()?),
        (KEY, credentials.key.private_key_to_pem_pkcs8()?),
        (WEB_CONFIGURATION, web_configuration().into_bytes()),
        (HEALTH_PROGRAM, include_bytes!("health.py").to_vec()),
        ("/run/servers/large", vec![b'x'; 300_000]),
    ];
    for (path, content) in files {
        fs::write(node.path(path), content).with_context(|| path.to_owned())?;
    }
    Ok(())
}

/// What the health service says from now on.
pub(crate) fn say(node: &Node, service: &str, word: &str) -> Result<()> {
    fs::write(node.path(&format!("{HEALTH}/{service}")), word).context("writing a service's health")
}

/// Whether nginx has no time from now on.
pub(crate) fn let_web_fail(node: &Node, fails: bool) -> Result<()> {
    let path = node.path(WEB_IS_DOWN);
    if fails {
        fs::write(path, "")?;
    } else if path.exists() {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// All servers of a node.
pub(crate) struct Servers {
    web: Process,
    health: Process,
}

impl Servers {
    /// Starts them and waits until they listen.
    pub(crate) fn start(node: &Node) -> Result<Self> {
        let mut web = Command::new("/usr/sbin/nginx");
        web.args(["-e", "stderr", "-c", WEB_CONFIGURATION]);
        let mut health = Command::new("/usr/bin/python3");
        health.args([HEALTH_PROGRAM, HEALTH, CERTIFICATE, KEY]);
        let servers = Self {
            web: node.start(web).context("nginx (Debian package nginx-light)")?,
            health: node.start(health).context("python3 (Debian package python3-grpcio)")?,
        };
        let outcome = wait::until("servers to listen", LIMIT, || {
            WEB_PORTS.iter().chain(&HEALTH_PORTS).all(|port| listens(node, *port))
        });
        let logs = || format!("{}\n{}", servers.web.log_text(), servers.health.log_text());
        ensure!(outcome.is_ok(), "not all servers listen: {}", logs());
        Ok(servers)
    }

    /// Kills them: connections are refused.
    pub(crate) fn kill(self) -> Result<()> {
        for process in [self.web, self.health] {
            process.signal(Signal::SIGKILL)?;
            process.wait(LIMIT)?;
        }
        Ok(())
    }
}

/// A socket that listens (state 0A), over IPv4 or both.
fn listens(node: &Node, port: u16) -> bool {
    ["tcp", "tcp6"].iter().any(|file| {
        let text = node.proc_net(file).unwrap_or_default();
        let mut lines = text.lines();
        lines.any(|line| line.contains(&format!(":{port:04X} ")) && line.contains(":0000 0A "))
    })
}

fn web_configuration() -> String {
    // `own` answers only who asks as it was told to.
    format!(
        "daemon off;
master_process off;
user root;
pid /run/servers/web.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    default_type text/plain;
    client_body_temp_path /run/servers/body;
    proxy_temp_path /run/servers/proxy;
    fastcgi_temp_path /run/servers/fastcgi;
    uwsgi_temp_path /run/servers/uwsgi;
    scgi_temp_path /run/servers/scgi;
    ssl_certificate {CERTIFICATE};
    ssl_certificate_key {KEY};
    server {{
        listen 8001 http2;
        listen 8002;
        listen 8443 ssl http2;
        listen 8444 ssl;
        root /run/servers;
        if (-f {WEB_IS_DOWN}) {{ return 503; }}
        location = /hello {{ return 200 \"hello\"; }}
        location = /large {{ }}
        location = /own {{
            if ($request_method != PUT) {{ return 405; }}
            if ($http_x_probe != \"one two\") {{ return 403; }}
            if ($http_host != own.test) {{ return 421; }}
            if ($http_user_agent != me) {{ return 406; }}
            if ($content_length != 5) {{ return 411; }}
            return 200 \"for you\";
        }}
    }}
}}
"
    )
}
