//! TLS by OpenSSL, because keepalived's users know which servers OpenSSL talks to, and configure it (`openssl.cnf`).

use std::fmt;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use holdfast_health::probe::{Connection, Failure, Http2Failure, NotTried, Phase, Sni, Tls, Verdict, Verify};
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{ErrorCode, Ssl, SslContext, SslMethod, SslOptions, SslVerifyMode};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509VerifyResult};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use crate::connect;
use crate::progress::Progress;

/// What the `SSL` block names, read: each file's text, in PEM.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `ca`: authorities; without them the system's own count.
    pub ca: Option<String>,
    /// `certificate`: of this client, with its chain.
    pub certificate: Option<String>,
    /// `key`: of the certificate.
    pub key: Option<String>,
    /// `password`: pass phrase of the key.
    pub password: Option<String>,
}

impl Identity {
    /// What keeps sessions from being opened with it, if anything does.
    pub fn problem(&self) -> Option<String> {
        context(self).err()
    }
}

/// Secrets are not shown.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("ca", &self.ca.is_some())
            .field("certificate", &self.certificate.is_some())
            .field("key", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

/// What all sessions have in common, or why there can be none. It is made when the first one is opened: who does not check over TLS
/// does not pay for OpenSSL's tables.
#[derive(Clone)]
pub(crate) struct Setup(Arc<SharedSetup>);

struct SharedSetup {
    identity: Identity,
    context: OnceLock<Result<SslContext, String>>,
}

impl Setup {
    pub(crate) fn new(identity: &Identity) -> Self {
        Self(Arc::new(SharedSetup {
            identity: identity.clone(),
            context: OnceLock::new(),
        }))
    }

    /// A session for one request to a host; `None`: nothing is said of its name.
    pub(crate) fn session(
        &self,
        connection: &Connection,
        tls: &Tls,
        host: Option<&str>,
        alpn: Alpn,
    ) -> Result<Session, Verdict> {
        let no_tls = |reason: String| Verdict::NotTried(NotTried::Tls(reason));
        let context = self.0.context.get_or_init(|| context(&self.0.identity));
        let context = context.as_ref().map_err(|reason| no_tls(reason.clone()))?;
        session(context, connection, tls, host, alpn).map_err(|error| no_tls(reason(&error)))
    }
}

fn context(identity: &Identity) -> Result<SslContext, String> {
    let wrong = |what: &'static str| move |error: ErrorStack| format!("{what}: {}", reason(&error));
    let mut builder = SslContext::builder(SslMethod::tls_client()).map_err(wrong("no context"))?;
    // What an end without `close_notify` means is decided by `tls_compliant`, and not by OpenSSL.
    builder.set_options(SslOptions::IGNORE_UNEXPECTED_EOF);
    if let Some(ca) = &identity.ca {
        let mut store = X509StoreBuilder::new().map_err(wrong("ca"))?;
        for authority in certificates(ca, "ca")? {
            store.add_cert(authority).map_err(wrong("ca"))?;
        }
        builder.set_cert_store(store.build());
    } else {
        builder
            .set_default_verify_paths()
            .map_err(wrong("authorities of the system"))?;
    }
    if let Some(chain) = &identity.certificate {
        for (position, certificate) in certificates(chain, "certificate")?.into_iter().enumerate() {
            if position == 0 {
                builder.set_certificate(&certificate)
            } else {
                builder.add_extra_chain_cert(certificate)
            }
            .map_err(wrong("certificate"))?;
        }
    }
    if let Some(key) = &identity.key {
        let password = identity.password.as_deref().unwrap_or_default();
        let key = PKey::private_key_from_pem_passphrase(key.as_bytes(), password.as_bytes()).map_err(wrong("key"))?;
        builder.set_private_key(&key).map_err(wrong("key"))?;
        if identity.certificate.is_some() {
            builder.check_private_key().map_err(wrong("key and certificate"))?;
        }
    }
    Ok(builder.build())
}

fn certificates(text: &str, what: &str) -> Result<Vec<X509>, String> {
    match X509::stack_from_pem(text.as_bytes()) {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!("{what}: no certificate in it")),
        Err(error) => Err(format!("{what}: {}", reason(&error))),
    }
}

fn session(
    context: &SslContext,
    connection: &Connection,
    tls: &Tls,
    host: Option<&str>,
    alpn: Alpn,
) -> Result<Session, ErrorStack> {
    let mut ssl = Ssl::new(context)?;
    let asked = match &tls.sni {
        Sni::Off => None,
        Sni::Virtualhost => host,
        Sni::Name(name) => Some(name.as_str()),
    };
    if let Some(name) = asked {
        ssl.set_hostname(name)?;
    }
    ssl.set_verify(SslVerifyMode::NONE);
    let address = || connection.address.to_string();
    let verified = match &tls.verify {
        Verify::Off => None,
        Verify::Peer => Some(asked.or(host).map_or_else(address, str::to_owned)),
        Verify::Name(name) => Some(name.clone()),
    };
    if let Some(name) = verified {
        ssl.set_verify(SslVerifyMode::PEER);
        match name.parse::<IpAddr>() {
            Ok(address) => ssl.param_mut().set_ip(address)?,
            Err(_) => ssl.param_mut().set_host(&name)?,
        }
    }
    if alpn == Alpn::Http2 {
        ssl.set_alpn_protos(b"\x02h2")?;
    }
    Ok(Session { ssl, alpn })
}

/// What the two sides are to agree to speak (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alpn {
    /// Nothing is said of it.
    None,
    /// HTTP/2 or nothing.
    Http2,
}

/// A session that is to be opened.
pub(crate) struct Session {
    ssl: Ssl,
    alpn: Alpn,
}

impl Session {
    pub(crate) async fn shake_hands(
        self,
        stream: TcpStream,
        connection: &Connection,
        progress: &mut Progress,
    ) -> Result<SslStream<TcpStream>, Verdict> {
        const PHASE: Phase = Phase::Handshake;
        let verifies = self.ssl.verify_mode() != SslVerifyMode::NONE;
        let mut stream =
            SslStream::new(self.ssl, stream).map_err(|error| Verdict::NotTried(NotTried::Tls(reason(&error))))?;
        let result = progress
            .within(PHASE, connection.timeout, Pin::new(&mut stream).connect())
            .await?;
        let Err(error) = result else {
            if self.alpn == Alpn::Http2 && stream.ssl().selected_alpn_protocol() != Some(b"h2") {
                return Err(Verdict::Failure(Failure::Http2(Http2Failure::NotAgreed)));
            }
            return Ok(stream);
        };
        let outcome = stream.ssl().verify_result();
        Err(if verifies && outcome != X509VerifyResult::OK {
            Verdict::Failure(Failure::Certificate(outcome.error_string().to_owned()))
        } else {
            failed(&error, PHASE)
        })
    }
}

/// An error while sending or reading, over TLS or without it.
pub(crate) fn broken(error: std::io::Error, phase: Phase) -> Verdict {
    match error.downcast::<openssl::ssl::Error>() {
        Ok(error) => failed(&error, phase),
        Err(error) => connect::broken(&error, phase),
    }
}

fn failed(error: &openssl::ssl::Error, phase: Phase) -> Verdict {
    if let Some(error) = error.io_error() {
        return connect::broken(error, phase);
    }
    Verdict::Failure(match error.ssl_error() {
        // The connection ended within the handshake.
        None if error.code() == ErrorCode::SYSCALL => Failure::NoAnswer,
        Some(stack) if refused_alpn(stack) => Failure::Http2(Http2Failure::NotAgreed),
        stack => Failure::Tls {
            phase,
            reason: stack.map_or_else(|| error.to_string(), reason),
        },
    })
}

/// Whether the server ended the handshake because it has nothing to agree to (RFC 7301 section 3.2).
fn refused_alpn(stack: &ErrorStack) -> bool {
    const NO_APPLICATION_PROTOCOL: &str = "no application protocol";
    let errors = stack.errors().iter();
    let mut reasons = errors.filter_map(openssl::error::Error::reason);
    reasons.any(|reason| reason.ends_with(NO_APPLICATION_PROTOCOL))
}

/// Whether a connection that has ended did so with a `close_notify` (RFC 8446 section 6.1).
pub(crate) async fn said_goodbye(stream: &mut SslStream<TcpStream>) -> bool {
    let mut byte = [0];
    let peek = poll_fn(|context| match Pin::new(&mut *stream).poll_peek(context, &mut byte) {
        // Nothing more comes after the end.
        Poll::Pending => Poll::Ready(None),
        Poll::Ready(result) => Poll::Ready(result.err()),
    });
    peek.await.is_some_and(|error| error.code() == ErrorCode::ZERO_RETURN)
}

/// The first thing that OpenSSL says, which is the cause.
fn reason(stack: &ErrorStack) -> String {
    let first = stack.errors().first().and_then(openssl::error::Error::reason);
    first.unwrap_or("unknown error").to_owned()
}
