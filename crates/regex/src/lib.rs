//! Regular expressions of PCRE2 over a body that arrives in pieces.
//!
//! The pattern language, the options and the matching are PCRE2's own (`pcre2pattern(3)`), as `regex` of a `url` needs them;
//! the safe wrapper that is widely used knows neither partial matching nor most of the options.
//!
//! - `settings`: what the configuration says;
//! - `code`: a compiled pattern, the only place that talks to PCRE2;
//! - `stream`: a search that keeps no more of the body than a match can still need;
//! - `find`: a search in a text that grows, which tells where the match ends.

mod code;
mod find;
mod settings;
mod stream;

pub use code::{PatternError, Regex};
pub use find::{Finder, Found};
pub use settings::{RegexOption, Settings};
pub use stream::{RETAINED_LIMIT, SearchError, Stream};
