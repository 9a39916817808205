//! `HTTP_GET` and `SSL_GET`.

use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// `HTTP_GET`: one request per URL, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpGet {
    /// The version in the request.
    pub http_protocol: HttpProtocol,
    /// After a failure check all URLs without waiting in between.
    pub fast_recovery: bool,
    /// Never empty.
    pub urls: Vec<Url>,
}

/// `SSL_GET`: the same over TLS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SslGet {
    /// What is asked for.
    pub get: HttpGet,
    /// The name that the server is asked for before there is a certificate.
    pub sni: Sni,
}

/// `enable_sni` and `sni_name`: server name indication (RFC 6066 section 3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sni {
    /// None is sent.
    #[default]
    Off,
    /// The `Host` of the URL.
    Virtualhost,
    /// This one.
    Name(String),
}

/// `http_protocol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HttpProtocol {
    /// `1.0`: HTTP/1.0 without a `Connection` header.
    #[default]
    Http10,
    /// `1.0C`: HTTP/1.0 with `Connection: close`.
    Http10Close,
    /// `1.1`: HTTP/1.1 with `Connection: close`.
    Http11,
}

/// `url`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url {
    /// The request target.
    pub path: String,
    /// MD5 of the body.
    pub digest: Option<[u8; 16]>,
    /// Status codes that count as success. Default 200–299.
    pub status_code: Vec<RangeInclusive<u16>>,
    /// The `Host` header: of the URL, the checker, the real server or the virtual server; `None`: address and port.
    pub virtualhost: Option<String>,
    /// What the body must hold.
    pub regex: Option<UrlRegex>,
    /// `SSL_GET`: the end of the data must be told by a `close_notify` (RFC 8446 section 6.1). Default: of the checker.
    pub tls_compliant: bool,
}

/// `regex` and the keywords that belong to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrlRegex {
    /// The pattern, of PCRE2. Whether it is one was not asked yet.
    pub pattern: String,
    /// `regex_options`, each once, in the order of [`RegexOption::ALL`].
    pub options: Vec<RegexOption>,
    /// `regex_no_match`: the body must not match.
    pub no_match: bool,
    /// `regex_min_offset`: a match starts at this byte of the body or later.
    pub min_offset: usize,
    /// `regex_max_offset`: a match starts at this byte of the body or earlier; `None`: anywhere.
    pub max_offset: Option<usize>,
    /// `regex_stack`: first and largest size of the matcher's stack in bytes; `None`: that of PCRE2.
    pub stack: Option<(usize, usize)>,
}

macro_rules! regex_options {
    ($($name:ident $word:literal,)*) => {
        /// A word of `regex_options`: an option of PCRE2's compiler.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "PCRE2's own names")]
        pub enum RegexOption {
            $($name,)*
        }

        impl RegexOption {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in the file, that of PCRE2 in lower case without its prefix.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

regex_options! {
    AllowEmptyClass "allow_empty_class",
    AltBsux "alt_bsux",
    AutoCallout "auto_callout",
    Caseless "caseless",
    DollarEndonly "dollar_endonly",
    Dotall "dotall",
    Dupnames "dupnames",
    Extended "extended",
    Firstline "firstline",
    MatchUnsetBackref "match_unset_backref",
    Multiline "multiline",
    NeverUcp "never_ucp",
    NeverUtf "never_utf",
    NoAutoCapture "no_auto_capture",
    NoAutoPossess "no_auto_possess",
    NoDotstarAnchor "no_dotstar_anchor",
    NoStartOptimize "no_start_optimize",
    Ucp "ucp",
    Ungreedy "ungreedy",
    Utf "utf",
    NeverBackslashC "never_backslash_c",
    AltCircumflex "alt_circumflex",
    AltVerbnames "alt_verbnames",
    UseOffsetLimit "use_offset_limit",
}
