//! What the configuration says: `regex` and the keywords that belong to it.

use pcre2_sys as pcre2;
use serde::{Deserialize, Serialize};

/// A pattern, and where in the body it must match.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// The pattern.
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
    ($($name:ident $word:literal $bit:ident,)*) => {
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

            pub(crate) fn bit(self) -> u32 {
                match self {
                    $(Self::$name => pcre2::$bit,)*
                }
            }
        }
    };
}

regex_options! {
    AllowEmptyClass "allow_empty_class" PCRE2_ALLOW_EMPTY_CLASS,
    AltBsux "alt_bsux" PCRE2_ALT_BSUX,
    AutoCallout "auto_callout" PCRE2_AUTO_CALLOUT,
    Caseless "caseless" PCRE2_CASELESS,
    DollarEndonly "dollar_endonly" PCRE2_DOLLAR_ENDONLY,
    Dotall "dotall" PCRE2_DOTALL,
    Dupnames "dupnames" PCRE2_DUPNAMES,
    Extended "extended" PCRE2_EXTENDED,
    Firstline "firstline" PCRE2_FIRSTLINE,
    MatchUnsetBackref "match_unset_backref" PCRE2_MATCH_UNSET_BACKREF,
    Multiline "multiline" PCRE2_MULTILINE,
    NeverUcp "never_ucp" PCRE2_NEVER_UCP,
    NeverUtf "never_utf" PCRE2_NEVER_UTF,
    NoAutoCapture "no_auto_capture" PCRE2_NO_AUTO_CAPTURE,
    NoAutoPossess "no_auto_possess" PCRE2_NO_AUTO_POSSESS,
    NoDotstarAnchor "no_dotstar_anchor" PCRE2_NO_DOTSTAR_ANCHOR,
    NoStartOptimize "no_start_optimize" PCRE2_NO_START_OPTIMIZE,
    Ucp "ucp" PCRE2_UCP,
    Ungreedy "ungreedy" PCRE2_UNGREEDY,
    Utf "utf" PCRE2_UTF,
    NeverBackslashC "never_backslash_c" PCRE2_NEVER_BACKSLASH_C,
    AltCircumflex "alt_circumflex" PCRE2_ALT_CIRCUMFLEX,
    AltVerbnames "alt_verbnames" PCRE2_ALT_VERBNAMES,
    UseOffsetLimit "use_offset_limit" PCRE2_USE_OFFSET_LIMIT,
}

impl Settings {
    pub(crate) fn is_utf(&self) -> bool {
        self.options.contains(&RegexOption::Utf)
    }
}
