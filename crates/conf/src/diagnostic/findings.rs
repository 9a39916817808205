//! The one list of everything that can be found, with its stable code.

use super::{Class, Code, Severity};

/// One kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its stable code. A code is never used again for something else.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// keepalived's class, when its `-t` counts it.
    pub class: Option<Class>,
    /// What it is called.
    pub title: &'static str,
}

/// Findings that leave nothing sensible to run. keepalived ends on them, whatever exit status its `-t` gives them.
pub(super) const FATAL: &[Finding] = &[
    FILE_UNREADABLE,
    INCLUDE_CHECK,
    NOT_SUPPORTED,
    NO_INTERFACE,
    NO_VRID,
    NO_VIP_V3,
];

macro_rules! findings {
    ($($name:ident = $code:literal $severity:ident $class:expr, $title:literal;)*) => {
        $(
            #[allow(clippy::doc_markdown)] // titles are shown as they are
            #[doc = $title]
            pub const $name: Finding =
                Finding { code: Code($code), severity: Severity::$severity, class: $class, title: $title };
        )*

        /// All findings in the order of their codes.
        pub const ALL: &[Finding] = &[$($name),*];
    };
}

const ERROR: Option<Class> = Some(Class::GeneralError);

findings! {
    // 0001–0099: files
    FILE_UNREADABLE = 1 Error Some(Class::FileNotFound), "the main file cannot be read";
    INCLUDE_MISSING = 2 Warning None, "an included file does not exist";
    INCLUDE_SKIPPED = 3 Warning None, "an included file is a directory, a device or a program";
    INCLUDE_CHECK = 4 Error Some(Class::IncludeCheck), "an include that must succeed does not";
    INCLUDE_LOOP = 5 Error ERROR, "a file includes itself";
    INCLUDE_DEPTH = 6 Error ERROR, "includes are nested too deeply";
    INCLUDE_UNREADABLE = 7 Warning None, "an included file cannot be read";
    INCLUDE_LIMIT = 8 Error ERROR, "too many files are included";

    MORE = 9 Error None, "there are more findings than are shown";

    // 0100–0199: lines, quotes, definitions, sequences
    LINE_LONG = 100 Warning ERROR, "a line is longer than keepalived takes";
    LINE_TOO_LONG = 101 Error ERROR, "a line is too long";
    NUL_BYTE = 102 Error ERROR, "a line holds a NUL byte";
    NOT_UTF8 = 103 Error ERROR, "text outside comments is not UTF-8";
    UNTERMINATED_QUOTE = 104 Error Some(Class::UnmatchedQuote), "a quote is never closed";
    UNDEFINED_NAME = 105 Error Some(Class::UnknownKeyword), "a ${NAME} is not defined";
    DEFINITION_LOOP = 106 Error ERROR, "a definition contains itself";
    EXPANSION_LIMIT = 107 Error ERROR, "definitions and sequences expand to too much text";
    BAD_SEQUENCE = 108 Error ERROR, "a ~SEQ or ~LST is malformed";
    RANDOM_RANGE = 109 Error ERROR, "the smallest value of ${_RANDOM} is larger than the largest";
    COMMENT_ENDS_DEFINITION = 110 Warning None, "a comment ends a definition of several lines";

    // 0200–0299: blocks and braces
    MISSING_CLOSE = 200 Error Some(Class::MissingClosingBrace), "a block is never closed";
    EXTRA_CLOSE = 201 Error Some(Class::UnexpectedClosingBrace), "a } closes nothing";
    EARLY_CLOSE = 202 Error Some(Class::UnexpectedClosingBrace), "a } stands too early";
    UNEXPECTED_OPEN = 203 Error Some(Class::UnexpectedOpeningBrace), "a { opens nothing";
    MISSING_OPEN = 204 Error Some(Class::MissingOpeningBrace), "a block lacks its {";
    NESTING_LIMIT = 205 Error ERROR, "blocks are nested too deeply";

    // 0300–0399: keywords and arguments
    UNKNOWN_KEYWORD = 300 Error Some(Class::UnknownKeyword), "a keyword is unknown";
    MISPLACED_KEYWORD = 301 Error Some(Class::UnknownKeyword), "a keyword stands in the wrong block";
    NOT_IN_EFFECT = 302 Warning None, "a keyword does nothing yet";
    DEPRECATED = 303 Warning Some(Class::Deprecated), "a keyword is deprecated";
    MISSING_ARGUMENT = 304 Error Some(Class::MissingParameter), "an argument is missing";
    INVALID_NUMBER = 305 Error Some(Class::InvalidNumber), "not a number";
    OUT_OF_RANGE = 306 Error Some(Class::InvalidNumber), "a number is out of range";
    INVALID_VALUE = 307 Error ERROR, "a value is not one of those allowed";
    INVALID_ADDRESS = 308 Error ERROR, "not an address";
    EXTRA_WORDS = 309 Warning None, "words after the arguments are ignored";
    UNKNOWN_OPTION = 310 Error ERROR, "an option is unknown";
    GIVEN_TWICE = 311 Error ERROR, "given twice";
    NOT_SUPPORTED = 312 Error ERROR, "not supported yet, and leaving it out would be dangerous";
    SECURITY = 313 Warning Some(Class::SecurityError), "scripts run without enable_script_security";

    // 0400–0499: VRRP
    NO_NAME = 400 Error ERROR, "a block lacks its name";
    DUPLICATE_NAME = 401 Error ERROR, "a name is used twice";
    NO_INTERFACE = 402 Error ERROR, "an instance has no interface";
    NO_VRID = 403 Error ERROR, "an instance has no virtual_router_id";
    DUPLICATE_VRID = 404 Error ERROR, "a virtual_router_id is used twice on an interface";
    NO_VIP = 405 Warning Some(Class::Warning), "an instance has no virtual address";
    NO_VIP_V3 = 406 Error ERROR, "a VRRPv3 instance has no virtual address";
    FAMILY_MISMATCH = 407 Error ERROR, "an address of the wrong family";
    ADVERT_INT_FRACTION = 408 Warning ERROR, "VRRPv2 counts whole seconds";
    ADVERT_INT_RANGE = 409 Warning ERROR, "VRRPv3 counts up to 40.95 seconds";
    AUTHENTICATION_V3 = 410 Warning ERROR, "VRRPv3 has no authentication";
    AUTHENTICATION_INCOMPLETE = 411 Warning ERROR, "authentication without type or password";
    PASSWORD_TOO_LONG = 412 Warning ERROR, "only eight characters of a password count";
    NOPREEMPT_CONFLICT = 413 Warning ERROR, "nopreempt contradicts state or priority";
    PREEMPT_DELAY_CONFLICT = 414 Warning ERROR, "preempt_delay contradicts nopreempt or state";
    UNICAST_WITHOUT_PEER = 415 Warning ERROR, "a unicast setting without a peer";
    UNKNOWN_MEMBER = 416 Error ERROR, "a sync group names an unknown instance";
    SMALL_GROUP = 417 Warning ERROR, "a sync group of one";
    EMPTY_GROUP = 418 Error ERROR, "a group without members";
    TRACKING_WEIGHT = 419 Warning ERROR, "a tracking weight that cannot act";
    VERSION_CONFLICT = 420 Warning ERROR, "version contradicts the address family";
    MULTICAST_CONFLICT = 421 Warning ERROR, "a multicast setting in a unicast instance";
    TOO_MANY_VIPS = 422 Warning ERROR, "more virtual addresses than fit an advert";
    UNICAST_MULTICAST_FALLBACK = 423 Warning Some(Class::Deprecated), "unicast_src_ip without peers means multicast";
    DUPLICATE_VIP = 424 Error ERROR, "a virtual address is given twice";

    // 0500–0599: virtual servers
    UNDEFINED_GROUP = 500 Error None, "a virtual_server_group is not defined";
    NO_REAL_SERVER = 501 Error ERROR, "a virtual server has no real server";
    NO_SCHEDULER = 502 Warning ERROR, "no scheduler is named";
    NO_PROTOCOL = 503 Warning ERROR, "no protocol is named";
    NO_METHOD = 504 Warning ERROR, "no forwarding method is named";
    PORT_MISMATCH = 505 Warning ERROR, "DR and TUN cannot change the port";
    QUORUM_TOO_LARGE = 506 Warning ERROR, "the quorum is larger than all weights together";
    HYSTERESIS_TOO_LARGE = 507 Warning ERROR, "the hysteresis is not smaller than the quorum";
    DUPLICATE_REAL_SERVER = 508 Error ERROR, "a real server is given twice";
    DUPLICATE_VIRTUAL_SERVER = 509 Error None, "a virtual server is given twice";
    INVALID_SERVICE = 510 Error ERROR, "a virtual server has no valid address, mark or group";
    SCHEDULER_FLAG = 511 Warning ERROR, "a flag does not fit the scheduler";
    ORDER = 512 Warning ERROR, "a keyword comes before the one it needs";
    OPS_PROTOCOL = 513 Warning ERROR, "ops needs UDP";
    PERSISTENCE_FORCED = 514 Warning ERROR, "a service without port must be persistent";
    GROUP_LIMIT = 515 Error ERROR, "a group has too many addresses";
    SORRY_INHIBIT = 516 Warning ERROR, "the sorry server is also a real server";
    FWMARK_CONFLICT = 517 Warning ERROR, "a setting that firewall marks do not have";
    EMPTY_SERVER_GROUP = 518 Warning None, "a virtual server of a group has no real server";

    // 0600–0699: checkers
    NO_URL = 600 Error ERROR, "HTTP_GET without url";
    NO_PATH = 601 Error ERROR, "url without path";
    BAD_DIGEST = 602 Error ERROR, "a digest is 32 hexadecimal digits";
    BAD_STATUS_CODE = 603 Error ERROR, "status codes are 100 to 599";
    NO_PORT = 604 Error ERROR, "a checker knows no port to connect to";
    LINK_LOCAL = 605 Error ERROR, "a link-local address needs bind_if";
}
