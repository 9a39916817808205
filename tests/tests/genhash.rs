//! The digest of a page, as genhash prints it: the same command line, the same servers, the same digest. Real keepalived is the
//! subject first.

#[path = "web/credentials.rs"]
mod credentials;
#[path = "web/servers.rs"]
#[allow(dead_code)] // the other half is for the cases of `web`
mod servers;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use bed::daemon::Software;
use bed::node::Node;
use credentials::Credentials;
use servers::{End, Layer, Server, serve};

/// The first server's port; the others follow.
const FIRST_PORT: u16 = 8000;
/// By md5sum, as all digests here.
const HELLO: &str = "5d41402abc4b2a76b9719d911017c592";
const NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";
/// Of `hello` in one chunk, framing included.
const CHUNKS: &str = "79e9489e3bd3f0cb0158215341de046d";
/// Of `world`, after a header without status line.
const WORLD: &str = "7d793037a0760186574b0282f2f435e7";
/// Of `hello and more`.
const MORE: &str = "9907f05cf731a39ccddc0fb172616aa4";

const CHUNKED: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"5\r\nhel",
    b"lo\r\n0\r\n\r\n",
];
const WITH_LENGTH: &[&[u8]] = &[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"];
const WITHOUT_LENGTH: &[&[u8]] = &[b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nhello"];

const fn plain(pieces: &'static [&'static [u8]]) -> Server {
    over(Layer::Plain, pieces, End::Close)
}

const fn over(layer: Layer, pieces: &'static [&'static [u8]], end: End) -> Server {
    Server { layer, pieces, end }
}

/// Servers with the options that reach them and the digest.
const PAGES: &[(&str, Server, &[&str], &str)] = &[
    ("length", plain(WITH_LENGTH), &[], HELLO),
    ("no length", plain(WITHOUT_LENGTH), &[], HELLO),
    ("chunks in pieces", plain(CHUNKED), &[], CHUNKS),
    ("chunks to HTTP/1.1", plain(CHUNKED), &["-P", "1.1"], CHUNKS),
    (
        "more than the length",
        plain(&[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more"]),
        &[],
        HELLO,
    ),
    (
        "less than the length",
        plain(&[b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"]),
        &[],
        HELLO,
    ),
    (
        "length in small letters",
        plain(&[b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello and more"]),
        &[],
        MORE,
    ),
    (
        "no body",
        plain(&[b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"]),
        &[],
        NOTHING,
    ),
    ("error page", plain(&[b"HTTP/1.1 404 No\r\n\r\nhello"]), &[], HELLO),
    ("TLS", over(Layer::Tls, WITH_LENGTH, End::Close), &["-S"], HELLO),
    (
        "TLS, no length",
        over(Layer::Tls, WITHOUT_LENGTH, End::Close),
        &["-S"],
        HELLO,
    ),
    (
        "TLS, chunks",
        over(Layer::Tls, CHUNKED, End::Close),
        &["--use-ssl"],
        CHUNKS,
    ),
    (
        "TLS that is cut off",
        over(Layer::Tls, WITHOUT_LENGTH, End::Cut),
        &["-S"],
        HELLO,
    ),
    (
        "TLS by name",
        over(Layer::Sni, WITH_LENGTH, End::Close),
        &["-S", "-I", "-V", "www.example.org"],
        HELLO,
    ),
];

/// Servers without a digest, and the cause that Holdfast names.
const FAILURES: &[(&str, Server, &[&str], &str)] = &[
    (
        "silence",
        over(Layer::Silent, &[], End::Close),
        &["-t", "1"],
        "timeout while reading the answer",
    ),
    (
        "silence over TLS",
        over(Layer::Silent, &[], End::Close),
        &["-S", "-t", "1"],
        "timeout while shaking hands over TLS",
    ),
    ("nothing", plain(&[]), &[], "connection closed without an answer"),
    (
        "no status line",
        plain(&[b"hello\r\n\r\nworld"]),
        &[],
        "answer without a valid status line",
    ),
    (
        "half a header",
        plain(&[b"HTTP/1.1 200 OK\r\nServer"]),
        &[],
        "connection closed within the header",
    ),
    (
        "TLS without TLS",
        plain(WITH_LENGTH),
        &["-S", "-t", "1"],
        "timeout while shaking hands over TLS",
    ),
    (
        "TLS that needs a name",
        over(Layer::Sni, WITH_LENGTH, End::Close),
        &["-S"],
        "TLS error while shaking hands over TLS",
    ),
];

/// Runs genhash in the node.
fn genhash(subject: Software, node: &Node, port: u16, options: &[&str]) -> Result<Output> {
    let mut command = Command::new(subject.program()?);
    let port = port.to_string();
    command.args(["--genhash", "-s", "127.0.0.1", "-p", &port, "-u", "/page"]);
    command.args(options).stdin(Stdio::null());
    node.within(move || command.output())?
        .with_context(|| format!("genhash of {subject}"))
}

/// A node whose servers are these, on ports from the first one on.
fn node_with<'a>(servers: impl Iterator<Item = &'a Server>) -> Result<Node> {
    let node = Node::new("web")?;
    node.ip(&["link set lo up".to_owned()])?;
    let credentials = Credentials::new()?;
    for (port, server) in (FIRST_PORT..).zip(servers) {
        serve(&node, port, *server, &credentials)?;
    }
    Ok(node)
}

fn pages_have_the_same_digest(subject: Software) -> Result<()> {
    let node = node_with(PAGES.iter().map(|(_, server, ..)| server))?;
    for (port, (name, _, options, digest)) in (FIRST_PORT..).zip(PAGES) {
        let output = genhash(subject, &node, port, options)?;
        ensure!(
            output.stdout == format!("{digest}\n").into_bytes() && output.status.success(),
            "{name}: {output:?}"
        );
        let warned = !output.stderr.is_empty();
        let is_success = !["no body", "error page"].contains(name);
        ensure!(
            warned == (subject == Software::Holdfast && !is_success),
            "{name}: {output:?}"
        );
    }
    Ok(())
}

/// keepalived ends with 0 all the same.
fn what_has_no_digest_is_told(subject: Software) -> Result<()> {
    let node = node_with(FAILURES.iter().map(|(_, server, ..)| server))?;
    let refused: (_, _, &[&str], _) = ("refusal", plain(&[]), &[], "connection refused");
    for (port, (name, _, options, cause)) in (FIRST_PORT..).zip(FAILURES.iter().chain([&refused])) {
        let output = genhash(subject, &node, port, options)?;
        if subject == Software::Keepalived {
            // It takes anything with an empty line for a page.
            let has_digest = output.stdout == format!("{WORLD}\n").into_bytes();
            ensure!(
                output.status.success() && has_digest == (*name == "no status line"),
                "{name}: {output:?}"
            );
            continue;
        }
        let told = String::from_utf8_lossy(&output.stderr);
        let whom = format!("://127.0.0.1:{port}/page: {cause}");
        ensure!(
            output.status.code() == Some(1) && output.stdout.is_empty() && told.contains(&whom),
            "{name}: {output:?}"
        );
    }
    Ok(())
}

/// The page is the request itself, so its digest tells whether the requests are the same.
fn requests_are_the_same(subject: Software) -> Result<()> {
    let node = Node::new("web")?;
    node.ip(&["link set lo up".to_owned()])?;
    let listener = node.within(|| TcpListener::bind((Ipv4Addr::LOCALHOST, FIRST_PORT)))??;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that has enough ends it.
            let _ = echo(stream);
        }
    });
    for (options, digest) in [
        (&[] as &[&str], "0b0700482f74118f2fe97ffff5c2f087"),
        (&["-P", "1.0C"], "3cd1f967b56f845bc79edcaa55ab0935"),
        (
            &["--protocol", "1.1", "--use-virtualhost", "www.example.org"],
            "69b12485d01cea1cc54f7aeae53905a0",
        ),
        (&["-m", "7", "-I"], "0b0700482f74118f2fe97ffff5c2f087"),
    ] {
        let output = genhash(subject, &node, FIRST_PORT, options)?;
        ensure!(
            output.stdout == format!("{digest}\n").into_bytes(),
            "{options:?}: {output:?}"
        );
    }
    Ok(())
}

fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut heard = Vec::new();
    let mut buffer = [0; 1024];
    while !heard.ends_with(b"\r\n\r\n") {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        heard.extend_from_slice(buffer.get(..length).unwrap_or_default());
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    stream.write_all(&heard)
}

mod keepalived {
    bed::cases!(peers Keepalived; pages_have_the_same_digest what_has_no_digest_is_told requests_are_the_same);
}

mod holdfast {
    bed::cases!(peers Holdfast; pages_have_the_same_digest what_has_no_digest_is_told requests_are_the_same);
}
