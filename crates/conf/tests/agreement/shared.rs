//! Facts about keepalived and configurations from the wild, when they lie next to the repository: `../shared`, or
//! what `HOLDFAST_SHARED` names. Without them these tests say so and nothing else.

use holdfast_conf::{FileLoader, LoadOptions, Loaded, load};
use std::path::{Path, PathBuf};

/// A file or folder of the shared folder.
pub fn shared(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HOLDFAST_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(part);
    if !path.exists() {
        eprintln!("skipped: {part} is not at hand");
        return None;
    }
    Some(path)
}

/// A configuration as a host called `host` reads it.
pub fn read(path: &Path) -> Loaded {
    let options = LoadOptions {
        config_id: Some("host".to_owned()),
        ..LoadOptions::default()
    };
    load(&FileLoader, path, &options)
}

/// All `.conf` files below a folder.
pub fn configurations(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(configurations(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "conf") {
            found.push(entry);
        }
    }
    found.sort();
    found
}
