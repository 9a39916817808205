//! What holds on every line, before keywords are looked at.

use super::Value::Text;
use super::{Keyword, keyword};

/// The forms that the preprocessor takes out of the text.
#[rustfmt::skip] // one row, one line
pub const LEXICAL: &[Keyword] = &[
    keyword("include", Text, "GLOB", "", "insert the files that match, relative to the including file; directories, devices and programs are skipped"),
    keyword("includer", Text, "GLOB", "", "as include; every file that matches must be readable"),
    keyword("includem", Text, "GLOB", "", "as includer; a name without wildcards must exist"),
    keyword("includew", Text, "GLOB", "", "as includem; wildcards must match something too"),
    keyword("includeb", Text, "GLOB", "", "as includer; each branch of {A,B} must match something"),
    keyword("includea", Text, "GLOB", "", "include with all four checks"),
    keyword("@ID", Text, "LINE", "", "the line counts only where the config id (-i, else the host name up to its first dot) is ID"),
    keyword("@^ID", Text, "LINE", "", "the line counts wherever the config id is not ID"),
    keyword("$NAME=", Text, "VALUE", "", "define text for $NAME and ${NAME}; no blank before the =; a backslash at the end goes on with the next line"),
    keyword("~SEQ(", Text, "VAR[,START][,STEP],END) LINE", "START 1, STEP 1 or -1", "repeat the line for each number, which ${VAR} stands for"),
    keyword("~SEQx(", Text, "VAR[,START][,STEP],END) LINE", "START 1, STEP 1 or -1", "as ~SEQ; the number is written in hexadecimal"),
    keyword("~LST(", Text, "VAR,VALUE... or {VARS},{VALUES}...) LINE", "", "repeat the line for each value, or for each tuple of values"),
];
