//! What the configuration says about VRRP and its trackers.

use holdfast_conf::config::Config;
use serde::{Deserialize, Serialize};

/// All that does not change until the next reload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpFacts {}

/// What there is to say.
pub(super) fn facts(_config: &Config) -> VrrpFacts {
    VrrpFacts {}
}
