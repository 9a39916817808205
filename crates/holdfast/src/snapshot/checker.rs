//! What the checker process shows.

use serde::{Deserialize, Serialize};

/// All virtual and real servers as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckerSnapshot {}
