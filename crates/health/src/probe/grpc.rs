//! `GRPC_CHECK`: what is asked, and what can be answered.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Connection, Header, Tls};

/// `GRPC_CHECK`: the method `Check` of `grpc.health.v1.Health`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GrpcProbe {
    /// Where to connect to, and how.
    pub connection: Connection,
    /// TLS underneath; `None`: HTTP/2 without it, from the first byte on.
    pub tls: Option<Tls>,
    /// The service that is asked about; empty: the server as a whole.
    pub service: String,
    /// `:authority`; `None`: address and port of the connection.
    pub authority: Option<String>,
    /// Metadata of the call.
    pub headers: Vec<Header>,
}

/// Why a health service's answer counts as failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GrpcFailure {
    /// It says that the service does not serve: `ServingStatus` of `grpc.health.v1`, any number but 1.
    NotServing(u64),
    /// The call failed.
    Status {
        /// `grpc-status`
        code: u32,
        /// `grpc-message`; may be empty.
        message: String,
    },
    /// The answer is HTTP, but not gRPC: another `content-type` than `application/grpc`; `None`: it has none.
    ContentType(Option<String>),
    /// The answer ends without a `grpc-status`.
    NoStatus,
    /// A `grpc-status` that is no number.
    BadStatus,
    /// The call went well, but there is no answer in it.
    NoMessage,
    /// More than one message came.
    ManyMessages,
    /// A message is longer than this many bytes.
    MessageTooLong(usize),
    /// A message ends too early.
    MessageUnfinished,
    /// A message is compressed, which was not asked for.
    Compressed,
    /// A message is no `HealthCheckResponse`.
    BadMessage,
}

impl fmt::Display for GrpcFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotServing(0) => f.write_str("health status UNKNOWN"),
            Self::NotServing(2) => f.write_str("health status NOT_SERVING"),
            Self::NotServing(3) => f.write_str("health status SERVICE_UNKNOWN"),
            Self::NotServing(status) => write!(f, "health status {status}"),
            Self::Status { code, message } => {
                match status_name(*code) {
                    Some(name) => write!(f, "gRPC status {name} ({code})")?,
                    None => write!(f, "gRPC status {code}")?,
                }
                match code {
                    5 => f.write_str(", the server does not know the service")?,
                    12 => f.write_str(", the server has no health service")?,
                    _ => {}
                }
                if message.is_empty() {
                    Ok(())
                } else {
                    write!(f, ": {message}")
                }
            }
            Self::ContentType(Some(found)) => write!(f, "no gRPC: the answer is {found}"),
            Self::ContentType(None) => f.write_str("no gRPC: the answer has no content-type"),
            Self::NoStatus => f.write_str("answer without a gRPC status"),
            Self::BadStatus => f.write_str("answer with a gRPC status that is no number"),
            Self::NoMessage => f.write_str("answer without a health status"),
            Self::ManyMessages => f.write_str("more than one message"),
            Self::MessageTooLong(limit) => write!(f, "message longer than {limit} bytes"),
            Self::MessageUnfinished => f.write_str("message ends too early"),
            Self::Compressed => f.write_str("message is compressed, which was not asked for"),
            Self::BadMessage => f.write_str("message is no HealthCheckResponse"),
        }
    }
}

/// The name of a status code of gRPC.
const fn status_name(code: u32) -> Option<&'static str> {
    Some(match code {
        0 => "OK",
        1 => "CANCELLED",
        2 => "UNKNOWN",
        3 => "INVALID_ARGUMENT",
        4 => "DEADLINE_EXCEEDED",
        5 => "NOT_FOUND",
        6 => "ALREADY_EXISTS",
        7 => "PERMISSION_DENIED",
        8 => "RESOURCE_EXHAUSTED",
        9 => "FAILED_PRECONDITION",
        10 => "ABORTED",
        11 => "OUT_OF_RANGE",
        12 => "UNIMPLEMENTED",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        15 => "DATA_LOSS",
        16 => "UNAUTHENTICATED",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_the_log_knows_what_to_do() {
        let status = |code, message: &str| GrpcFailure::Status {
            code,
            message: message.to_owned(),
        };
        for (failure, expected) in [
            (GrpcFailure::NotServing(2), "health status NOT_SERVING"),
            (GrpcFailure::NotServing(7), "health status 7"),
            (
                status(5, "unknown service"),
                "gRPC status NOT_FOUND (5), the server does not know the service: unknown service",
            ),
            (
                status(12, ""),
                "gRPC status UNIMPLEMENTED (12), the server has no health service",
            ),
            (status(14, "draining"), "gRPC status UNAVAILABLE (14): draining"),
            (status(99, ""), "gRPC status 99"),
        ] {
            assert_eq!(failure.to_string(), expected);
        }
    }
}
