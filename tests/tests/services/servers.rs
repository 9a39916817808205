//! Real servers, each a program of a Debian package, on one node. They listen on every address.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bed::node::{Node, Process};
use bed::wait;
use nix::sys::signal::{Signal, kill};

/// Starting a data base on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// A server that runs.
pub(crate) struct Server {
    process: Process,
    /// What ends it, whoever may be connected.
    farewell: Signal,
}

impl Server {
    /// Starts a program and waits until it listens on these ports.
    pub(crate) fn start(node: &Node, command: Command, ports: &[u16]) -> Result<Self> {
        let shown = format!("{command:?}");
        let server = Self {
            process: node.start(command)?,
            farewell: Signal::SIGTERM,
        };
        let outcome = wait::until("the server to listen", LIMIT, || {
            listens(node, ports) || server.process.ended().is_ok_and(|status| status.is_some())
        });
        ensure!(
            outcome.is_ok() && listens(node, ports),
            "{shown} does not listen: {}",
            server.process.log_text()
        );
        Ok(server)
    }

    /// Stops it: connections are refused.
    pub(crate) fn stop(self) -> Result<()> {
        self.process.signal(self.farewell)?;
        self.process.wait(LIMIT).map(drop)
    }

    /// Stands still: the kernel takes connections, and nobody answers.
    pub(crate) fn freeze(&self) -> Result<()> {
        self.signal_all(Signal::SIGSTOP)
    }

    /// Goes on.
    pub(crate) fn thaw(&self) -> Result<()> {
        self.signal_all(Signal::SIGCONT)
    }

    fn signal_all(&self, signal: Signal) -> Result<()> {
        for pid in std::iter::once(self.process.pid()).chain(self.process.descendants()) {
            kill(pid, signal)?;
        }
        Ok(())
    }
}

/// State 0A listens.
fn listens(node: &Node, ports: &[u16]) -> bool {
    let text = ["tcp", "tcp6"]
        .map(|file| node.proc_net(file).unwrap_or_default())
        .concat();
    ports.iter().all(|port| {
        let own = format!(":{port:04X} ");
        text.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            matches!(words.as_slice(), [_, local, _, "0A", ..] if format!("{local} ").ends_with(&own))
        })
    })
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// A private key and a certificate that signs itself, for this name, in `/run` of a node; the certificate in PEM.
pub(crate) fn certificate(node: &Node, name: &str) -> Result<String> {
    let subject = format!("/CN={name}");
    let names = format!("subjectAltName=DNS:{name}");
    #[rustfmt::skip] // options with their values
    let arguments = [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", &subject, "-addext", &names, "-keyout", "/run/key.pem", "-out", "/run/cert.pem",
    ];
    node.run("openssl", &arguments)?;
    Ok(fs::read_to_string(node.path("/run/cert.pem"))?)
}

/// Redis, in which one needs this password.
pub(crate) fn redis(node: &Node, password: &str, options: &[&str]) -> Result<Server> {
    #[rustfmt::skip] // options with their values
    let arguments = [
        &["--port", "6379", "--protected-mode", "no", "--save", "", "--dir", "/run", "--requirepass", password],
        options,
    ].concat();
    Server::start(node, command("redis-server", &arguments), &[6379])
}

/// `MariaDB` with one more user, if it is named.
pub(crate) fn mariadb(node: &Node, user: Option<&str>) -> Result<Server> {
    #[rustfmt::skip] // options
    let common = [
        "--no-defaults", "--user=root", "--datadir=/run/mariadb", "--skip-name-resolve", "--innodb-buffer-pool-size=8M",
    ];
    if !node.path("/run/mariadb").exists() {
        // As mariadb-install-db does, which wants programs of other packages.
        let make = format!(
            "cd /usr/share/mysql && mkdir /run/mariadb && (printf 'CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n'; \
             cat mysql_system_tables.sql mysql_system_tables_data.sql) | mariadbd {} --bootstrap",
            common.join(" ")
        );
        node.run("sh", &["-c", &make])?;
    }
    let sql = match user {
        Some(user) => format!("CREATE USER IF NOT EXISTS '{user}'@'%';\n"),
        None => "DROP USER IF EXISTS 'holdfast'@'%';\n".to_owned(),
    };
    fs::write(node.path("/run/users.sql"), sql)?;
    #[rustfmt::skip] // options
    let own = [
        "--socket=/run/mariadb.sock", "--pid-file=/run/mariadb.pid", "--port=3306", "--init-file=/run/users.sql",
    ];
    Server::start(node, command("mariadbd", &[&common[..], &own].concat()), &[3306])
}

/// `PostgreSQL` with TLS, and with this line in `pg_hba.conf`.
pub(crate) fn postgresql(node: &Node, access: &str) -> Result<Server> {
    postgresql_with(node, access, &["-c", "ssl=on"])
}

/// The same with other options. It does not run as root.
pub(crate) fn postgresql_with(node: &Node, access: &str, options: &[&str]) -> Result<Server> {
    let as_postgres = ["--reuid=postgres", "--regid=postgres", "--clear-groups"];
    let programs = postgresql_programs()?;
    let [initdb, postgres] = ["initdb", "postgres"].map(|name| programs.join(name).to_string_lossy().into_owned());
    if !node.path("/run/pg").exists() {
        node.run(
            "install",
            &["-d", "-o", "postgres", "-g", "postgres", "-m", "700", "/run/pg"],
        )?;
        let make = [
            &initdb,
            "-D",
            "/run/pg",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ];
        node.run("setpriv", &[&as_postgres[..], &make].concat())?;
        for (from, to) in [
            ("/run/cert.pem", "/run/pg/server.crt"),
            ("/run/key.pem", "/run/pg/server.key"),
        ] {
            node.run("install", &["-o", "postgres", "-g", "postgres", "-m", "600", from, to])?;
        }
    }
    fs::write(node.path("/run/pg/pg_hba.conf"), format!("{access}\n"))?;
    #[rustfmt::skip] // options with their values
    let arguments = [
        &as_postgres[..],
        &[&postgres, "-D", "/run/pg", "-h", "*", "-k", "", "-c", "fsync=off", "-c", "shared_buffers=1MB"],
        options,
    ].concat();
    let server = Server::start(node, command("setpriv", &arguments), &[5432])?;
    let farewell = Signal::SIGINT;
    Ok(Server { farewell, ..server })
}

/// Debian has the programs of each version in a folder of its own.
fn postgresql_programs() -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").context("PostgreSQL (Debian package postgresql)")?;
    let mut folders: Vec<PathBuf> = versions.flatten().map(|entry| entry.path().join("bin")).collect();
    folders.retain(|folder| folder.join("postgres").exists());
    folders.sort();
    folders.pop().context("no PostgreSQL (Debian package postgresql)")
}

/// Dovecot with one user, for IMAP and POP3 with TLS of every kind.
pub(crate) fn dovecot(node: &Node, password: &str) -> Result<Server> {
    let configuration = format!(
        "protocols = imap pop3
listen = *
base_dir = /run/dovecot
state_dir = /run/dovecot-state
log_path = /dev/stderr
ssl = required
auth_failure_delay = 0
ssl_cert = </run/cert.pem
ssl_key = </run/key.pem
mail_location = maildir:/run/mail
mail_uid = 65534
mail_gid = 65534
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/run/mail
}}
"
    );
    fs::write(node.path("/run/dovecot.conf"), configuration)?;
    node.run("install", &["-d", "-o", "65534", "/run/mail"])?;
    node.run("install", &["-d", "/run/dovecot-state"])?;
    Server::start(
        node,
        command("dovecot", &["-F", "-c", "/run/dovecot.conf"]),
        &[143, 110, 993, 995],
    )
}

/// `OpenLDAP`'s server without any entries, with these lines in its configuration.
pub(crate) fn slapd(node: &Node, lines: &str) -> Result<Server> {
    fs::write(
        node.path("/run/slapd.conf"),
        format!("{lines}\npidfile /run/slapd.pid\n"),
    )?;
    let arguments = ["-d", "0", "-f", "/run/slapd.conf", "-h", "ldap://0.0.0.0:389"];
    Server::start(node, command("slapd", &arguments), &[389])
}

/// A web page over TLS, with the certificate in `/run`.
pub(crate) fn tls_web(node: &Node, port: u16, options: &[&str]) -> Result<Server> {
    let port_text = port.to_string();
    let arguments = [
        "s_server",
        "-accept",
        &port_text,
        "-cert",
        "/run/cert.pem",
        "-key",
        "/run/key.pem",
        "-www",
    ];
    Server::start(node, command("openssl", &[&arguments[..], options].concat()), &[port])
}
