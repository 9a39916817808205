//! `EXPECT_CHECK` and `AGENT_CHECK`.

use super::{ReplyByte, Sni, UrlRegex, Verify};
use serde::{Deserialize, Serialize};

/// `EXPECT_CHECK`: a dialogue that is written down step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectCheck {
    /// TLS from the first byte. Default: off.
    pub tls: bool,
    /// `sni_name`. There is no `Host` that it could be.
    pub sni: Sni,
    /// `tls_verify` with `tls_verify_name`.
    pub verify: Verify,
    /// The steps in their order.
    pub steps: Vec<ExpectStep>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExpectStep {
    /// `send` and `send_hex`.
    Send(Vec<u8>),
    /// `expect`: these bytes stand somewhere in what the server has sent and no step has taken yet.
    Contains(Vec<u8>),
    /// `expect_start`: it begins with these bytes.
    Start(Vec<u8>),
    /// `expect_hex`: it begins with bytes of which each half may be anything.
    Masked(Vec<ReplyByte>),
    /// `expect_regex`: this matches somewhere in it.
    Regex(UrlRegex),
    /// `starttls`: what follows is within TLS.
    StartTls,
}

/// `AGENT_CHECK`: what an agent beside the server says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentCheck {
    /// What it is sent first; empty: nothing, which is the default.
    pub send: Vec<u8>,
    /// An agent that cannot be reached changes nothing. Default: it is a failure.
    pub keep_if_unreachable: bool,
}
