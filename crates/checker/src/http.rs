//! `HTTP_GET`: our own writer and reader, because what counts are the raw bytes as keepalived sees them, odd replies
//! included.

mod body;
mod request;
mod response;

use ::http::uri::Scheme;
use holdfast_health::probe::{Connection, Failure, HttpProtocol, Phase, Tls, Url, Verdict};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::connect::connect;
use crate::http2;
use crate::progress::Progress;
use crate::tls::{self, Alpn, Setup};
pub(crate) use body::Body;
pub use body::{Answer, BODY_LIMIT};
pub(crate) use request::{USER_AGENT, authority, content_length, own_field};
pub use response::{HEADER_LIMIT, Reader};

/// How much is read at once.
const CHUNK: usize = 8192;

/// Fetches the reader's URL and holds the answer against what is expected of it.
pub(crate) async fn get(
    connection: &Connection,
    protocol: HttpProtocol,
    reader: Reader<'_>,
    progress: &mut Progress,
) -> Result<Option<Answer>, Verdict> {
    let mut stream = connect(connection, progress).await?;
    if protocol == HttpProtocol::Http2 {
        return http2::get(
            stream,
            connection,
            Scheme::HTTP,
            (reader.url(), reader.keeps()),
            progress,
        )
        .await;
    }
    ask(&mut stream, connection, protocol, reader.url(), progress).await?;
    listen(&mut stream, connection, reader, false, progress).await
}

/// The same over TLS.
pub(crate) async fn get_over_tls(
    connection: &Connection,
    (setup, tls): (&Setup, &Tls),
    protocol: HttpProtocol,
    reader: Reader<'_>,
    progress: &mut Progress,
) -> Result<Option<Answer>, Verdict> {
    let url = reader.url();
    let alpn = if protocol == HttpProtocol::Http2 {
        Alpn::Http2
    } else {
        Alpn::None
    };
    let session = setup.session(connection, tls, url.virtualhost.as_deref(), alpn)?;
    let stream = connect(connection, progress).await?;
    let mut stream = session.shake_hands(stream, connection, progress).await?;
    if protocol == HttpProtocol::Http2 {
        return http2::get(stream, connection, Scheme::HTTPS, (url, reader.keeps()), progress).await;
    }
    ask(&mut stream, connection, protocol, url, progress).await?;
    let answer = listen(&mut stream, connection, reader, !url.tls_compliant, progress).await?;
    if url.tls_compliant && !tls::said_goodbye(&mut stream).await {
        return Err(Verdict::Failure(Failure::NoCloseNotify));
    }
    Ok(answer)
}

async fn ask(
    stream: &mut (impl AsyncWrite + Unpin),
    connection: &Connection,
    protocol: HttpProtocol,
    url: &Url,
    progress: &mut Progress,
) -> Result<(), Verdict> {
    let bytes = request::request(connection, protocol, url);
    progress
        .within(Phase::Sending, connection.timeout, stream.write_all(&bytes))
        .await?
        .map_err(|error| tls::broken(error, Phase::Sending))
}

/// Takes in the answer. With `any_end`, a connection that breaks after the header has ended, however it broke: keepalived takes
/// it so over TLS, and servers that do not bother to end in good order are common.
async fn listen(
    stream: &mut (impl AsyncRead + Unpin),
    connection: &Connection,
    mut reader: Reader<'_>,
    any_end: bool,
    progress: &mut Progress,
) -> Result<Option<Answer>, Verdict> {
    let mut buffer = Vec::with_capacity(CHUNK);
    loop {
        buffer.clear();
        let read = progress
            .within(Phase::Reading, connection.timeout, stream.read_buf(&mut buffer))
            .await?;
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(_) if any_end && reader.has_header() => break,
            Err(error) => return Err(tls::broken(error, Phase::Reading)),
        }
        progress.received();
        reader.push(&buffer).map_err(Verdict::Failure)?;
    }
    reader.finish().map_err(Verdict::Failure)
}

#[cfg(test)]
mod tests;
