//! `HTTP_GET` over HTTP/2 and `GRPC_CHECK`, against servers on the loopback interface that behave and misbehave.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // tests

#[path = "../certificate/mod.rs"]
mod certificate;
mod frames;
mod grpc;
mod requests;
mod responses;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use holdfast_checker::Prober;
use holdfast_checker::tls::Identity;
use holdfast_health::probe::{Connection, Failure, Http2Failure, HttpProtocol, Request, Tls, Url, Verdict};

/// Long enough for anything that happens at once, on a machine that does much else.
const AMPLE: Duration = Duration::from_secs(20);
/// For what never comes, after something that comes at once.
const SHORT: Duration = Duration::from_secs(1);

fn connection(address: SocketAddr, timeout: Duration) -> Connection {
    Connection {
        address: address.ip(),
        port: address.port(),
        bind_address: None,
        bind_port: 0,
        bind_interface: None,
        mark: 0,
        timeout,
    }
}

fn get(connection: Connection, tls: Option<Tls>, url: Url) -> Request {
    Request::HttpGet {
        connection,
        tls,
        protocol: HttpProtocol::Http2,
        url,
    }
}

async fn run(request: &Request) -> Verdict {
    let prober = Prober::new(&Identity::default());
    prober.probe(request, request.deadline()).await.verdict
}

const fn http2(failure: Http2Failure) -> Verdict {
    Verdict::Failure(Failure::Http2(failure))
}
