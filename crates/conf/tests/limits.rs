//! Files that ask for more than any machine has get a clear answer, soon, and without much memory.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests
#![allow(clippy::disallowed_methods)] // how long reading takes is what is asked here
#![allow(clippy::format_push_string, clippy::needless_pass_by_value)] // files are made up on the spot

use holdfast_conf::{LoadOptions, Loaded, MemoryLoader, load};
use std::path::Path;
use std::time::{Duration, Instant};

/// Slow machines and debug builds included.
const SOON: Duration = Duration::from_mins(1);
/// What all of these tests together may ever hold at once.
const MEMORY_KIB: u64 = 2 << 20;

fn read(files: MemoryLoader) -> Loaded {
    let since = Instant::now();
    let loaded = load(&files, Path::new("/k.conf"), &LoadOptions::default());
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert!(loaded.diagnostics.len() <= 10_001, "{}", loaded.diagnostics.len());
    assert!(peak_kib() < MEMORY_KIB, "{} KiB", peak_kib());
    loaded
}

/// The most memory that this process ever had.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// The codes of what was found, each once.
fn codes(text: impl Into<Vec<u8>>) -> Vec<u16> {
    let loaded = read(MemoryLoader::new().with("/k.conf", text));
    assert!(loaded.has_errors());
    let mut codes: Vec<u16> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.code.0).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[test]
fn definitions_of_themselves() {
    assert_eq!(codes("$A=${A}\n$A\n"), [106]);
    assert_eq!(codes("$A=${B}\n$B=${A}\n$A\n"), [106]);
    assert_eq!(codes("$A=${A}${A}${A}\n$A\n"), [107]);
    assert_eq!(codes("$A=\\\n$A\\\n$A\n$A\n"), [106]);
    assert_eq!(codes("$A=\\\n$B\\\n$B\n\n$B=\\\n$A\\\n$A\n\n$A\n"), [106]);
    for sequence in ["$A=~SEQ(X,1,999999) $A\n$A\n", "$A=\\\n~SEQ(X,1,999999) $A\n\n$A\n"] {
        let found = codes(sequence);
        assert!(found.iter().all(|code| [106, 107].contains(code)), "{found:?}");
    }
}

#[test]
fn a_billion_laughs() {
    let mut one_line = String::from("$L0=haha\n");
    let mut many_lines = String::from("$L0=\\\nhaha \\\nhaha\n\n");
    for level in 1..=30 {
        let last = level - 1;
        one_line += &format!("$L{level}={}\n", format!("${{L{last}}}").repeat(10));
        many_lines += &format!("$L{level}=\\\n{}\n\n", vec![format!("$L{last}"); 10].join("\\\n"));
    }
    assert_eq!(codes(one_line + "$L30\n"), [107]);
    let found = codes(many_lines + "$L30\n");
    assert!(found.contains(&107), "{found:?}");
}

#[test]
fn sequences_without_end() {
    assert_eq!(codes("~SEQ(A,1,1000000000) x $A\n"), [108]);
    assert_eq!(codes("~SEQ(A,-9223372036854775808,9223372036854775807) x\n"), [108]);
    assert_eq!(codes("~SEQx(A,0,0xffffffffffffffff) x\n"), [108]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes in a debug build: cargo test --release")]
fn sequences_of_sequences() {
    let found = codes("~SEQ(A,1,999999) ~SEQ(B,1,999999) ~SEQ(C,1,999999) priority ${A}${B}${C}\n");
    assert!(found.contains(&107), "{found:?}");
    let long = "x".repeat(900_000);
    let found = codes(format!("~SEQ(A,1,999999) {long}\n"));
    assert!(found.contains(&107), "{found:?}");
}

#[test]
fn lists_without_end() {
    assert_eq!(codes("~LST(".repeat(10_000)), [100, 108]);
    let long = format!("~LST(A{}) x $A\n", ",1".repeat(400_000));
    let found = codes(long);
    assert!(found.contains(&300), "{found:?}");
    let nested = format!("~LST(A{0}) ~LST(B{0}) ~LST(C{0}) x\n", ",1".repeat(100_000));
    let found = codes(nested);
    assert!(found.contains(&107), "{found:?}");
}

#[test]
fn includes_of_themselves() {
    let found = |loader: MemoryLoader| {
        let loaded = read(loader);
        let codes: Vec<u16> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.code.0).collect();
        codes
    };
    assert_eq!(found(MemoryLoader::new().with("/k.conf", "include /k.conf\n")), [5]);
    let loop_of_two = MemoryLoader::new()
        .with("/k.conf", "include a.conf\n")
        .with("/a.conf", "include k.conf\n");
    assert_eq!(found(loop_of_two), [5]);
    let mut chain = MemoryLoader::new().with("/k.conf", "include 0.conf\n");
    for number in 0..1000 {
        chain = chain.with(format!("/{number}.conf"), format!("include {}.conf\n", number + 1));
    }
    assert_eq!(found(chain), [6]);
    // Each file twice in the one before: 2^60 readings.
    let mut tree = MemoryLoader::new().with("/k.conf", "include 0.conf\ninclude 0.conf\n");
    for number in 0..60 {
        let next = number + 1;
        tree = tree.with(
            format!("/{number}.conf"),
            format!("include {next}.conf\ninclude {next}.conf\n"),
        );
    }
    let found = found(tree);
    assert!(!found.is_empty(), "{found:?}");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes in a debug build: cargo test --release")]
fn long_lines() {
    for line in [
        "x".repeat(10 << 20),
        "\"".repeat(10 << 20),
        "{".repeat(10 << 20),
        "$".repeat(10 << 20),
        "${".repeat(5 << 20),
    ] {
        assert_eq!(codes(line), [101]);
    }
    // As long as a line may be.
    for unit in [
        "{", "}", "\"", "$", "${", "${A}", "$A ", "\\#", "é", "a{", "\"{", "$A=", "~SEQ(", "'", "\u{fffd}",
    ] {
        // Some of it may even have a meaning; what counts is that it ends soon.
        let inside = unit.repeat((1 << 19) / unit.len());
        let files = [
            unit.repeat((1 << 20) / unit.len()),
            format!("vrrp_instance V {{\nnotify_master {inside}\n}}\n"),
        ];
        for text in files {
            read(MemoryLoader::new().with("/k.conf", text));
        }
    }
}

#[test]
fn deep_blocks() {
    for opens in [
        "{\n",
        "a {\n",
        "vrrp_instance V {\n",
        "a{",
        "virtual_server_group G {\n",
    ] {
        codes(opens.repeat(100_000));
        codes(opens.repeat(100_000) + &"}\n".repeat(100_000));
    }
    codes("}\n".repeat(100_000));
}

#[test]
fn braces_in_patterns() {
    for pattern in [
        "{".repeat(400_000) + &"}".repeat(400_000),
        "{a,".repeat(1_300) + &"}".repeat(100),
        "{a,b}".repeat(200),
        format!("/{}x", "*".repeat(500)),
    ] {
        read(MemoryLoader::new().with("/k.conf", format!("includew {pattern}\n")));
    }
}

#[test]
fn many_findings() {
    // Nothing that is done for each finding may look at all others, or at the whole file.
    codes("zzz \"open\n".repeat(200_000));
    codes("priority\nvirtual_ipaddress {\n".repeat(50_000));
    codes("$A=${B}\n${NOPE} ${A}\n".repeat(50_000));
}

#[test]
fn many_of_everything() {
    let mut text = String::from("$A=1\n");
    for number in 0..20_000 {
        text += &format!(
            "$N{number}=$A\n@lb{number} zzz\nvrrp_instance V{number} {{\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {{\n 192.0.2.1\n }}\n}}\n"
        );
    }
    codes(text);
}

#[test]
fn large_files_are_shown_as_they_are() {
    let mut content = b"\xef\xbb\xbf".to_vec();
    for number in 0..10_000 {
        content.extend_from_slice(
            b"# a comment\n  vrrp_version 3\r\n\n\trouter_id \"a b\" # c\n\xff\xfe\n\0\n$A=1\nx $A\n",
        );
        content.extend_from_slice(format!("include {number}\ny {number}\n").as_bytes());
    }
    content.extend_from_slice(b"the last line");
    let loaded = read(MemoryLoader::new().with("/k.conf", content.clone()));
    for (number, line) in (1..).zip(content.split(|byte| *byte == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let file = loaded.sources.files().next().unwrap().0;
        assert_eq!(loaded.sources.line(file, number), Some(line), "{number}");
    }
}
