//! 0001–0099: files.

use super::super::findings;
use super::{Explanation, page};

#[rustfmt::skip] // one finding, one paragraph
pub(super) const PAGES: &[Explanation] = &[
    page(findings::FILE_UNREADABLE,
        "The main file is missing, is not a regular file or may not be read. Nothing can run without it.",
        "", ""),
    page(findings::INCLUDE_MISSING,
        "A plain include names a file that does not exist. The rest is read. Where the file must exist, includem makes its absence an error.",
        "include vips.conf\n",
        "include vips.d/*.conf\n"),
    page(findings::INCLUDE_SKIPPED,
        "Directories, devices and files that may be executed are not read as configurations. Take the x bits off the file.",
        "", ""),
    page(findings::INCLUDE_CHECK,
        "includer, includem, includew, includeb and includea promise that files can be read or that patterns match. The promise is broken, so nothing may run: a part of the configuration that somebody relies on is missing.",
        "includem vips.conf\n",
        "include vips.d/*.conf\n"),
    page(findings::INCLUDE_LOOP,
        "A file includes itself, directly or through others. The line is ignored.",
        "include main.conf\n",
        ""),
    page(findings::INCLUDE_DEPTH,
        "Includes inside includes go deeper than any sensible layout. The innermost line is ignored.",
        "", ""),
    page(findings::INCLUDE_UNREADABLE,
        "A file that a plain include names cannot be read, mostly for want of permission. The rest is read.",
        "", ""),
    page(findings::INCLUDE_LIMIT,
        "More files are included than Holdfast opens. What comes after the limit is not read.",
        "", ""),
    page(findings::MORE,
        "Only the first ten thousand findings are kept. Mend those, and the others will show.",
        "", ""),
];
