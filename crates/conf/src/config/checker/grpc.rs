//! `GRPC_CHECK`.

use super::{Header, Tls};
use serde::{Deserialize, Serialize};

/// `GRPC_CHECK`: a gRPC health service (`grpc.health.v1`) says that a service serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrpcCheck {
    /// The service that is asked about; empty, which is the default: the server as a whole.
    pub service: String,
    /// The name of the server: `authority`, else `virtualhost` of the real server or the virtual server; `None`: address and port.
    pub authority: Option<String>,
    /// Metadata of the call.
    pub headers: Vec<Header>,
    /// TLS; `None`: without it.
    pub tls: Option<Tls>,
}
