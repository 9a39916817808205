//! Web servers that say just what a case tells them, over TCP or TLS. They live as long as the process.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use bed::node::Node;
use openssl::ssl::{NameType, SniError, Ssl, SslAcceptor, SslMethod, SslVerifyMode, SslVersion};

use crate::credentials::Credentials;

/// Between the pieces of an answer: longer than they take to arrive one by one.
const PAUSE: Duration = Duration::from_millis(150);

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In good order; over TLS with `close_notify`.
    Close,
    /// Over TLS without `close_notify`.
    Cut,
    /// With a reset.
    Reset,
    /// Not at all.
    Hang,
}

/// What a server does over TCP before it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Nothing.
    Plain,
    /// TLS with a certificate that nobody knows.
    Tls,
    /// TLS of this version only.
    Version(SslVersion),
    /// TLS that needs the client's certificate.
    ClientCertificate,
    /// TLS that needs the name `www.example.org`.
    Sni,
    /// Silence in place of the handshake.
    Silent,
}

/// A server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server {
    pub(crate) layer: Layer,
    pub(crate) pieces: &'static [&'static [u8]],
    pub(crate) end: End,
}

/// Starts a server on a port of a node.
pub(crate) fn serve(node: &Node, port: u16, server: Server, credentials: &Credentials) -> Result<()> {
    let listener = node
        .within(move || TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))?
        .with_context(|| format!("listening on port {port} of {}", node.name()))?;
    let acceptor = Arc::new(acceptor(server.layer, credentials)?);
    let work = move || {
        for stream in listener.incoming().flatten() {
            let acceptor = acceptor.clone();
            // A server that is silent must not keep the next client waiting.
            thread::spawn(move || {
                // A client that has enough ends it.
                let _ = attend(stream, server, &acceptor);
            });
        }
    };
    thread::Builder::new().name("web server".into()).spawn(work)?;
    Ok(())
}

fn acceptor(layer: Layer, credentials: &Credentials) -> Result<SslAcceptor> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls())?;
    builder.set_certificate(&credentials.certificate)?;
    builder.set_private_key(&credentials.key)?;
    match layer {
        Layer::Version(version) => {
            builder.set_min_proto_version(Some(version))?;
            builder.set_max_proto_version(Some(version))?;
        }
        Layer::ClientCertificate => {
            let mut store = openssl::x509::store::X509StoreBuilder::new()?;
            store.add_cert(credentials.certificate.clone())?;
            builder.set_cert_store(store.build());
            builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        }
        Layer::Sni => builder.set_servername_callback(|ssl, _| {
            if ssl.servername(NameType::HOST_NAME) == Some("www.example.org") {
                Ok(())
            } else {
                Err(SniError::ALERT_FATAL)
            }
        }),
        Layer::Plain | Layer::Tls | Layer::Silent => {}
    }
    Ok(builder.build())
}

fn attend(stream: TcpStream, server: Server, acceptor: &SslAcceptor) -> Result<()> {
    match server.layer {
        Layer::Plain => {
            let mut stream = stream;
            speak(&mut stream, server)?;
            finish(&stream, server.end)
        }
        Layer::Silent => wait_for_end(&stream),
        _ => {
            let mut stream = openssl::ssl::SslStream::new(Ssl::new(acceptor.context())?, stream)?;
            stream.accept()?;
            speak(&mut stream, server)?;
            if server.end == End::Close {
                stream.shutdown()?;
            }
            finish(stream.get_ref(), server.end)
        }
    }
}

fn speak(stream: &mut (impl Read + Write), server: Server) -> Result<()> {
    let mut heard = Vec::new();
    let mut buffer = [0; 1024];
    while !heard.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => heard.extend_from_slice(buffer.get(..length).unwrap_or_default()),
        }
    }
    for (place, piece) in server.pieces.iter().enumerate() {
        if place > 0 {
            thread::sleep(PAUSE);
        }
        stream.write_all(piece)?;
        stream.flush()?;
    }
    Ok(())
}

fn finish(stream: &TcpStream, end: End) -> Result<()> {
    match end {
        End::Close | End::Cut => {}
        // Closing with this option resets.
        End::Reset => {
            // What was written arrives first.
            thread::sleep(PAUSE);
            socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
        }
        End::Hang => wait_for_end(stream)?,
    }
    Ok(())
}

fn wait_for_end(mut stream: &TcpStream) -> Result<()> {
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}
