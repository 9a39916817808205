//! Holdfast's own checks against real servers: data bases, mail boxes, a directory, TLS. On the host, in network namespaces,
//! started by `cargo xtask test peers`. There need be no IPVS: what counts are the verdicts, which `holdfast status` shows.
//!
//! The checks are those of `conf-examples`, as they stand there but for their interval.

mod servers;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bed::agent::Agent;
use bed::daemon::{Daemon, Software};
use bed::network::{Network, Port};
use bed::node::Node;
use bed::wait;

use servers::Server;

/// Detection with its retries, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A director and the node of the real servers, as the examples name their addresses.
struct Scene {
    network: Network,
    director: Node,
    servers: Node,
    port: Port,
}

impl Scene {
    fn new() -> Result<Self> {
        let network = Network::new(&["lan"])?;
        let (director, servers) = (Node::new("director")?, Node::new("servers")?);
        network.plug(&director, "lan", "eth0", &["192.168.0.1/24"])?;
        let port = network.plug(&servers, "lan", "eth0", &["192.168.0.61/24"])?;
        Ok(Self {
            network,
            director,
            servers,
            port,
        })
    }

    fn check(&self, configuration: &str) -> Result<Watch<'_>> {
        Ok(Watch {
            daemon: Daemon::start(Software::Holdfast, &self.director, configuration)?,
        })
    }
}

/// An example that is checked each second.
fn example(name: &str) -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../conf-examples")
        .join(name);
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    ensure!(text.contains("delay_loop 5\n"), "the example has another delay_loop");
    Ok(text.replace("delay_loop 5\n", "delay_loop 1\n"))
}

/// A running director whose verdicts are looked at.
struct Watch<'a> {
    daemon: Daemon<'a>,
}

impl Watch<'_> {
    /// What the status says of the server on this port: up with its weight, or why not.
    fn says(&self, port: u16) -> Result<String> {
        let status = self.daemon.status()?;
        let name = format!("[192.168.0.61]:tcp:{port} ");
        let line = status.lines().find_map(|line| line.trim_start().strip_prefix(&name));
        let line = line.with_context(|| format!("{name} is not in the status: {status}"))?;
        Ok(line.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Waits until the status says this of it.
    fn wait_for(&self, port: u16, what: &str, wanted: impl Fn(&str) -> bool) -> Result<()> {
        let mut said = String::new();
        let outcome = wait::until(what, PATIENCE, || {
            said = self.says(port).unwrap_or_else(|problem| problem.to_string());
            wanted(&said)
        });
        outcome.with_context(|| format!("port {port}, {what}: the status says '{said}'"))
    }

    fn is_up(&self, port: u16) -> Result<()> {
        self.wait_for(port, "up", |said| said.starts_with("up "))
    }

    /// Down, with these words in the reason.
    fn is_down(&self, port: u16, reason: &str) -> Result<()> {
        self.wait_for(port, &format!("down: {reason}"), |said| {
            said.starts_with("DOWN ") && said.contains(reason)
        })
    }
}

/// Down by each of the usual ways, and back each time. `start` starts the server as it should be.
fn comes_and_goes(
    scene: &Scene,
    watch: &Watch<'_>,
    port: u16,
    start: impl Fn() -> Result<Server>,
    frozen: &str,
) -> Result<Server> {
    watch.is_down(port, "connection refused")?;
    let server = start()?;
    watch.is_up(port)?;
    server.freeze()?;
    watch.is_down(port, frozen)?;
    server.thaw()?;
    watch.is_up(port)?;
    scene.network.pull(&scene.port)?;
    watch.wait_for(port, "down: no way", |said| {
        said.starts_with("DOWN ") && (said.contains("timeout while connecting") || said.contains("unreachable"))
    })?;
    scene.network.put_back(&scene.port)?;
    watch.is_up(port)?;
    server.stop()?;
    watch.is_down(port, "connection refused")?;
    let server = start()?;
    watch.is_up(port)?;
    Ok(server)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn redis() -> Result<()> {
    let scene = Scene::new()?;
    let watch = scene.check(&example("check-redis.conf")?)?;
    let start = || servers::redis(&scene.servers, "s3cret", &[]);
    let server = comes_and_goes(&scene, &watch, 6379, start, "step 2: timeout")?;

    server.stop()?;
    let server = servers::redis(&scene.servers, "other", &[])?;
    watch.is_down(6379, r#"step 2: expected "+OK\r\n" at the start, got "-WRONGPASS"#)?;
    server.stop()?;
    // It answers, and is somebody's replica.
    let server = servers::redis(&scene.servers, "s3cret", &["--replicaof", "192.168.0.62", "6379"])?;
    watch.is_down(6379, r#"step 6: timeout, expected "role:master\r\n""#)?;
    server.stop()?;
    let _server = start()?;
    watch.is_up(6379)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn mariadb() -> Result<()> {
    let scene = Scene::new()?;
    let watch = scene.check(&example("check-mysql.conf")?)?;
    let start = || servers::mariadb(&scene.servers, Some("holdfast"));
    let server = comes_and_goes(&scene, &watch, 3306, start, "step 1: timeout")?;

    server.stop()?;
    let server = servers::mariadb(&scene.servers, None)?;
    watch.is_down(3306, "step 4: expected xxxxxx0200 at the start, got")?;
    server.stop()?;
    let _server = start()?;
    watch.is_up(3306)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn postgresql() -> Result<()> {
    let scene = Scene::new()?;
    servers::certificate(&scene.servers, "db.example.org")?;
    let watch = scene.check(&example("check-postgresql.conf")?)?;
    let everybody = "hostssl all all 0.0.0.0/0 trust";
    let start = || servers::postgresql(&scene.servers, everybody);
    let server = comes_and_goes(&scene, &watch, 5432, start, "step 2: timeout")?;

    server.stop()?;
    let server = servers::postgresql(&scene.servers, "hostssl all all 0.0.0.0/0 reject")?;
    watch.is_down(5432, r#"step 6: expected 52000000xx at the start, got "E"#)?;
    server.stop()?;
    // To be asked for a password is an answer, too.
    let server = servers::postgresql(&scene.servers, "hostssl all all 0.0.0.0/0 scram-sha-256")?;
    watch.is_up(5432)?;
    server.stop()?;
    // No TLS on the server's side.
    let _server = servers::postgresql_with(&scene.servers, everybody, &["-c", "ssl=off"])?;
    watch.is_down(5432, r#"step 2: expected "S" at the start, got "N""#)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn mail_boxes() -> Result<()> {
    let scene = Scene::new()?;
    let ca = servers::certificate(&scene.servers, "mail.example.org")?;
    fs::write(scene.director.path("/run/ca.pem"), ca)?;
    // The certificate counts where TLS begins at once.
    let verified = "SSL {\n    ca /run/ca.pem\n}\n";
    let text = example("check-imap-pop3.conf")?.replace(" tls\n", " tls\n            tls_verify\n");
    let watch = scene.check(&(verified.to_owned() + &text))?;
    let start = || servers::dovecot(&scene.servers, "s3cret");
    let ports = [143, 110, 993];
    let all_up = || ports.iter().try_for_each(|port| watch.is_up(*port));
    let server = start()?;
    all_up()?;

    server.freeze()?;
    watch.is_down(143, "step 1: timeout")?;
    watch.is_down(110, "step 1: timeout")?;
    watch.is_down(993, "timeout while shaking hands over TLS")?;
    server.thaw()?;
    all_up()?;
    server.stop()?;
    ports
        .iter()
        .try_for_each(|port| watch.is_down(*port, "connection refused"))?;

    // No such password; the handshake does not mind.
    let server = servers::dovecot(&scene.servers, "other")?;
    watch.is_down(143, "a2 NO")?;
    watch.is_down(110, "-ERR")?;
    watch.is_up(993)?;
    server.stop()?;

    servers::certificate(&scene.servers, "other.example.org")?;
    let server = start()?;
    watch.is_up(143)?;
    watch.is_up(110)?;
    watch.is_down(993, "certificate not valid")?;
    drop(server);
    Ok(())
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn ldap() -> Result<()> {
    let scene = Scene::new()?;
    let watch = scene.check(&example("check-ldap.conf")?)?;
    let start = || servers::slapd(&scene.servers, "");
    let server = comes_and_goes(&scene, &watch, 389, start, "step 2: timeout")?;

    server.stop()?;
    let server = servers::slapd(&scene.servers, "disallow bind_anon")?;
    watch.is_down(389, "step 2: expected a match of")?;
    server.stop()?;
    let _server = start()?;
    watch.is_up(389)
}

/// A web page over TLS: the handshake, the certificate, and a dialogue within.
#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn web_over_tls() -> Result<()> {
    const CHECK: &str = r#"EXPECT_CHECK {
            connect_timeout 2
            tls
            tls_verify
            sni_name db.example.org
            send "GET / HTTP/1.0\r\n\r\n"
            expect_regex "^HTTP/1\.[01] 200 "
            expect "Ciphers supported"
        }"#;
    let scene = Scene::new()?;
    let ca = servers::certificate(&scene.servers, "db.example.org")?;
    fs::write(scene.director.path("/run/ca.pem"), ca)?;
    let configuration = format!(
        "SSL {{\n    ca /run/ca.pem\n}}\nvirtual_server 192.168.0.200 443 {{\n    delay_loop 1\n    lb_algo rr\n    lb_kind DR\n    \
         protocol TCP\n    real_server 192.168.0.61 443 {{\n        {CHECK}\n    }}\n}}\n"
    );
    let watch = scene.check(&configuration)?;
    let start = || servers::tls_web(&scene.servers, 443, &[]);
    let server = comes_and_goes(&scene, &watch, 443, start, "timeout while shaking hands over TLS")?;

    server.stop()?;
    servers::certificate(&scene.servers, "other.example.org")?;
    let server = start()?;
    watch.is_down(443, "certificate not valid")?;
    server.stop()?;
    // It wants to see a certificate, and we have none.
    let server = servers::tls_web(&scene.servers, 443, &["-Verify", "1"])?;
    watch.is_down(443, "certificate not valid")?;
    drop(server);
    Ok(())
}

/// Weights and words of an agent, as the status shows them, beside a service that is there or not.
#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn agent() -> Result<()> {
    let scene = Scene::new()?;
    let agent = Agent::start(&scene.servers, 5309, "web1\n")?;
    let service = scene
        .servers
        .within(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 80)))??;
    let watch = scene.check(&example("check-agent.conf")?)?;
    let weighs = |weight: &str| {
        let text = format!("up weight {weight}");
        watch.wait_for(80, &text, |said| said == text)
    };
    weighs("100")?;
    agent.says("75%\r\n");
    weighs("75")?;
    agent.says("drain # upgrade\n");
    weighs("0")?;
    agent.says("ready 30%\n");
    weighs("30")?;
    agent.says("maint\n");
    weighs("0")?;
    agent.says("READY, 150%\n");
    weighs("150")?;
    for word in ["down", "fail", "stopped"] {
        agent.says(&format!("{word} # disk full\n"));
        watch.is_down(80, &format!("the agent says {word}: disk full"))?;
        agent.says("100%\n");
        watch.wait_for(80, "a weight, and still down", |said| {
            said.starts_with("DOWN weight 100 ")
        })?;
        agent.says("150%\n");
        watch.wait_for(80, "another weight, and still down", |said| {
            said.starts_with("DOWN weight 150 ")
        })?;
        agent.says("up\n");
        weighs("150")?;
    }
    agent.says("who are you?\n");
    watch.is_down(80, r#"the agent's line is not understood: "who" in "who are you?""#)?;
    agent.says("up 100%");
    watch.is_down(80, "without an end of line")?;
    agent.says("up 100%\n");
    weighs("100")?;
    drop(service);
    watch.is_down(80, "TCP_CHECK: connection refused")
}
