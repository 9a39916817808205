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
pub(super) const FATAL: &[Finding] = &[FILE_UNREADABLE, INCLUDE_CHECK, NO_INTERFACE, NO_VRID, NO_VIP_V3];

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

    // 0430–0489: what VRRP tracks, addresses, routes and rules
    SHADOWED = 430 Warning None, "a name that the first block keeps";
    UNKNOWN_TRACKER = 431 Error ERROR, "a tracked name is not defined above";
    INCOMPLETE_TRACKER = 432 Error ERROR, "something to track lacks what matters";
    UNUSED_SCRIPT = 433 Warning None, "nothing tracks a script";
    INCOMPLETE_BFD = 434 Error ERROR, "a BFD session has no neighbour";
    DUPLICATE_SESSION = 435 Error ERROR, "two BFD sessions have the same addresses";
    SLOW_SESSION = 436 Advice None, "a BFD session is slow";
    TRACKED_TWICE = 437 Warning ERROR, "a group and its member track the same";
    LINE_VALUE = 440 Error ERROR, "a value on a line of routes or rules is wrong";
    LINE_OPTION = 441 Error ERROR, "an option cannot stand on a line of routes or rules";
    ENCAP = 442 Error ERROR, "an encapsulation is wrong";
    NO_DESTINATION = 443 Error ERROR, "a route leads nowhere";
    UNTRACKED = 444 Warning ERROR, "without an interface nothing is tracked";
    TRACKED_PROTOCOL = 445 Warning ERROR, "what is tracked has protocol 18";
    NO_ACTION = 446 Error ERROR, "a rule does nothing";
    NO_PREFERENCE = 447 Warning ERROR, "a rule has no preference";
    UNKNOWN_TRACK_GROUP = 448 Error ERROR, "a track_group is not defined above";
    STATIC_NO_INTERFACE = 449 Warning None, "a static address names no interface";
    EMPTY_GARP_GROUP = 450 Error ERROR, "a garp_group has no interval";
    INVALID_DELAY = 451 Error None, "an interface has no delay";
    PEER_CONFLICT = 452 Warning ERROR, "an address with a peer has too much else";
    TRACK_GROUP_MEMBER = 453 Warning None, "a track_group names an unknown instance";
    AUTHENTICATION_TYPE = 454 Warning None, "a password without auth_type";
    HMAC_KEY = 455 Error ERROR, "a key of auth_hmac is wrong or missing";
    TWO_AUTHENTICATIONS = 456 Warning ERROR, "auth_hmac takes the place of authentication";
    AH_MASTER = 457 Warning ERROR, "auth_type AH needs state BACKUP";
    STRICT = 458 Warning ERROR, "strict mode does not have it";
    VMAC_ADDRESS = 459 Error ERROR, "a MAC address that no VMAC can have";
    VMAC_CONFLICT = 460 Warning ERROR, "use_vmac or use_ipvlan does not fit the rest";
    OWN_INTERFACE = 461 Warning ERROR, "the own interface is tracked anyway";
    TIMER_EXPIRED = 462 Warning ERROR, "timer_expired_backup needs nopreempt";
    OWNER_ADVERTS = 463 Warning ERROR, "owner_ignore_adverts is for owners";
    UNTRACKED_ROUTE = 489 Warning None, "a route without an interface is not tracked";

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
    EMPTY_SERVER_GROUP = 518 Warning ERROR, "a virtual server of a group has no real server";

    NAME_TOO_LONG = 540 Warning ERROR, "a name is too long";
    CONTRADICTION = 541 Warning ERROR, "words that exclude each other";
    OLD_FORM = 542 Warning ERROR, "an old way of writing";
    SAME_CHAINS = 543 Warning None, "two chains of a packet filter are the same";
    MULTICAST_SCOPE = 544 Warning Some(Class::Warning), "a multicast group that is not link-local";
    EMPTY_LIST = 545 Warning ERROR, "a list names nobody";
    MASK_WITH_HOLES = 546 Warning None, "a mask that names no network";
    DONE_WITH_NFTABLES = 547 Warning None, "what is written for iptables is done with nftables";

    // 0600–0699: checkers
    NO_URL = 600 Error ERROR, "HTTP_GET without url";
    NO_PATH = 601 Error ERROR, "url without path";
    BAD_DIGEST = 602 Error ERROR, "a digest is 32 hexadecimal digits";
    BAD_STATUS_CODE = 603 Error ERROR, "status codes are 100 to 599";
    NO_PORT = 604 Error ERROR, "a checker knows no port to connect to";
    LINK_LOCAL = 605 Error ERROR, "a link-local address needs bind_if";
    BAD_REGEX = 620 Error ERROR, "regex takes one pattern";
    DOUBTFUL_REGEX = 621 Warning None, "a setting of a regex that means nothing";
    NO_MISC_PATH = 622 Error ERROR, "MISC_CHECK without misc_path";
    NO_TRACK_FILE = 623 Error ERROR, "FILE_CHECK without track_file";
    NO_BFD_NAME = 624 Error ERROR, "BFD_CHECK without name";
    UNKNOWN_BFD = 625 Error ERROR, "BFD_CHECK names a session that it cannot follow";
    BAD_METHOD = 630 Error ERROR, "a method that HTTP does not have";
    BAD_HEADER = 631 Error ERROR, "a header that cannot be sent";
    DOUBTFUL_REQUEST = 632 Warning None, "a setting of a request that means nothing";

    BAD_BYTES = 640 Error ERROR, "a text with escapes or bytes in hexadecimal digits are wrong";
    BAD_STEP = 641 Error ERROR, "a step of EXPECT_CHECK is wrong";
    NO_STEP = 642 Error ERROR, "EXPECT_CHECK expects nothing";
    NO_TLS = 643 Warning ERROR, "a setting of TLS where there is none";

    // 0800–0849: advice of `holdfast check`, which can be switched off
    PRIORITY_OWNER = 800 Advice None, "priority 255 makes an instance the owner of its addresses";
    VRID_SHARED = 801 Advice None, "a virtual_router_id is used twice on an interface, for other peers";
    VRID_BOTH_FAMILIES = 802 Advice None, "a virtual_router_id is used for IPv4 and IPv6";
    UNICAST_SELF = 803 Advice None, "a unicast peer is the instance itself";
    GROUP_ADVERT_INT = 804 Advice None, "the instances of a sync group differ in advert_int";
    PRIORITY_LIMIT = 805 Advice None, "weights lead out of the range of priorities";
    NOPREEMPT_WEIGHT = 806 Advice None, "a weight cannot move a master that nobody preempts";
    NO_CONFLICT_REPAIR = 807 Advice None, "nothing repairs ARP caches after two masters";
    FIRST_NOT_LINK_LOCAL = 808 Advice None, "the first address of an IPv6 instance is not link-local";
    HOST_PREFIX = 809 Advice None, "an address without prefix length in a larger network";
    SOURCE_ABSENT = 810 Advice None, "the source address of adverts is not on this host";
    GROUP_STATE = 811 Advice None, "the instances of a sync group differ in state";
    GROUP_PREEMPTION = 812 Advice None, "nopreempt for some instances of a sync group only";
    DUPLICATE_DETECTION = 813 Advice None, "duplicate address detection for a virtual address";
    SORRY_IS_REAL = 820 Advice None, "the sorry server is a real server of the same service";
    PERSISTENT_QUIESCENT = 821 Advice None, "persistent clients stay with a dead server";
    NEVER_CHECKED = 822 Advice None, "a real server is never checked";
    UP_BEFORE_CHECK = 823 Advice None, "servers are in the pool before their first check";
    DELAY_LOOP_SHORT = 824 Advice None, "delay_loop is shorter than the timeout of a check";
    NO_RETRY = 825 Advice None, "one lost packet takes a server out of the pool";
    QUORUM_WITHOUT_EFFECT = 826 Advice None, "losing the quorum has no effect";
    ADDRESS_OF_NOBODY = 827 Advice None, "the address of a service is no virtual address";
    NO_WEIGHT = 828 Advice None, "all real servers have weight 0";
    UDP_NO_EXPIRY = 829 Advice None, "UDP clients stay with a removed server";
    WEIGHT_IGNORED = 830 Advice None, "the scheduler ignores weights";
    SYNC_WITHOUT_INSTANCE = 831 Advice None, "the sync daemon follows no instance";
    SLOW_START_IGNORED = 832 Advice None, "slow_start has no effect, or another one than is meant";
    REUSED_PORT = 833 Advice None, "a client that uses a port again is sent to a dead server";
    NAT_NO_FORWARDING = 834 Advice None, "NAT on a host that forwards no packets";
    NAT_NO_FORWARDING_IPV6 = 835 Advice None, "NAT over IPv6 on a host that forwards no packets";
    TCP_NO_EXPIRY = 836 Advice None, "clients of a removed server are dropped until they give up";
    FLAP_UNLIMITED = 837 Advice None, "how long a flapping server is held is set, but not when";
    SCRIPT_INSECURE = 840 Advice None, "somebody else can change a script that runs as root";
    SCRIPT_TIMEOUT = 841 Advice None, "a script may take as long as its interval";
    SHARED_DIRECTORY = 842 Advice None, "a file that decides stands where everybody may write";

    // 0850–0899: the file and the host it is for
    INTERFACE_ABSENT = 850 Warning ERROR, "an interface does not exist";
    INTERFACE_UNUSABLE = 851 Warning Some(Class::BadInterface), "an interface that must exist at start does not";
    SCRIPT_MISSING = 852 Warning None, "a script cannot be run";
    TRACKER_MISSING = 853 Warning ERROR, "a tracked script does not exist";
    SCRIPT_USER_UNKNOWN = 854 Warning ERROR, "the user of a script does not exist";
    UNKNOWN_LINT = 899 Warning None, "lint_off names no advice";
}
