//! The keys of `auth_hmac` that stand in files of their own (`key ID file:PATH`).

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use holdfast_conf::config::{AuthHmac, Config, HmacSecret};

/// As much as keepalived reads: `hex:`, the digits of the longest key, and a few line ends.
const LONGEST_FILE: u64 = 140;
/// What group and others may do with a file.
const OF_OTHERS: u32 = 0o077;

/// What there is to say about key files.
#[derive(Debug, Default)]
pub struct KeyFiles {
    /// A line each
    pub messages: Vec<String>,
    /// A key could not be read
    pub has_errors: bool,
}

/// Reads the key files, and puts the keys in the place of their paths; relative paths begin at `directory`. A key that cannot be
/// read is left out. An instance whose active key is one of these is left out, too: without its signature its peers would not
/// hear it, and there would be two masters.
pub fn read_key_files(config: &mut Config, directory: &Path) -> KeyFiles {
    let mut said = KeyFiles::default();
    config.vrrp_instances.retain_mut(|instance| {
        let name = instance.name.value.clone();
        let Some(hmac) = &mut instance.auth_hmac else {
            return true;
        };
        said.read_keys(&name, hmac, directory);
        let is_usable = hmac.keys.iter().any(|key| *key.id == hmac.active_key);
        if !is_usable {
            let active = hmac.active_key;
            said.messages.push(format!(
                "({name}) has no auth_hmac key {active} to sign with; the instance is left out"
            ));
        }
        is_usable
    });
    said
}

impl KeyFiles {
    fn read_keys(&mut self, instance: &str, hmac: &mut AuthHmac, directory: &Path) {
        hmac.keys.retain_mut(|key| {
            let HmacSecret::File(path) = &key.secret else {
                return true;
            };
            let path = directory.join(path);
            let problem = match read_key(&path) {
                Ok((secret, is_private)) => {
                    if !is_private {
                        self.messages.push(format!(
                            "({instance}) auth_hmac key file '{}' is readable by group or others",
                            path.display()
                        ));
                    }
                    key.secret = secret;
                    return true;
                }
                Err(problem) => problem,
            };
            self.has_errors = true;
            self.messages.push(format!(
                "({instance}) auth_hmac key file '{}' {problem}; key {} is ignored",
                path.display(),
                key.id
            ));
            false
        });
    }
}

/// The key in a file, and whether nobody but its owner can read it.
fn read_key(path: &Path) -> Result<(HmacSecret, bool), String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let file = File::open(path).map_err(cannot)?;
    let about = file.metadata().map_err(cannot)?;
    if !about.is_file() {
        return Err("is no file".to_owned());
    }
    let mut text = String::new();
    let read = file.take(LONGEST_FILE).read_to_string(&mut text).map_err(cannot)?;
    if u64::try_from(read).is_ok_and(|read| read == LONGEST_FILE) {
        return Err("is too large".to_owned());
    }
    let secret = HmacSecret::from_text(text.trim_end_matches(['\r', '\n']));
    let secret = secret.ok_or("does not hold 32 to 64 characters, or hex: and as many bytes")?;
    Ok((secret, about.permissions().mode() & OF_OTHERS == 0))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::path::PathBuf;

    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("holdfast-keys-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, text: &str, mode: u32) {
            let path = self.0.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn config(keys: &str) -> Config {
        let instance = |name: &str, vrid: u8, hmac: &str| {
            format!(
                "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\nversion 3\n{hmac}\n\
                 virtual_ipaddress {{\n192.0.2.{vrid}/24\n}}\n}}\n"
            )
        };
        let text = instance("A", 1, &format!("auth_hmac {{\n{keys}\nactive_key 1\n}}")) + &instance("B", 2, "");
        let loader = MemoryLoader::new().with("/k.conf", text);
        holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config
    }

    fn secrets(config: &Config) -> Vec<HmacSecret> {
        let hmac = config
            .vrrp_instances
            .iter()
            .find_map(|instance| instance.auth_hmac.as_ref());
        hmac.map_or_else(Vec::new, |hmac| {
            hmac.keys.iter().map(|key| key.secret.clone()).collect()
        })
    }

    #[test]
    fn keys_are_read_from_their_files() {
        let directory = Directory::new("read");
        directory.write("ascii", &format!("{KEY}\r\n"), 0o600);
        directory.write("hex", &format!("hex:{}\n\n", "0a".repeat(64)), 0o640);
        let absolute = directory.0.join("hex");
        let mut config = config(&format!(
            "key 1 file:ascii\nkey 2 file:{}\nkey 3 {KEY}",
            absolute.display()
        ));
        let said = read_key_files(&mut config, &directory.0);
        let of = |bytes: &[u8]| HmacSecret::Bytes(bytes.to_vec());
        assert_eq!(
            secrets(&config),
            [of(KEY.as_bytes()), of(&[10; 64]), of(KEY.as_bytes())]
        );
        assert!(!said.has_errors);
        assert_eq!(
            said.messages,
            [format!(
                "(A) auth_hmac key file '{}' is readable by group or others",
                absolute.display()
            )]
        );
    }

    #[test]
    fn a_key_that_cannot_be_read_is_left_out_and_so_is_who_needs_it() {
        let directory = Directory::new("missing");
        directory.write("short", &KEY[1..], 0o600);
        directory.write("long", &"a".repeat(140), 0o600);
        directory.write("good", KEY, 0o600);
        for bad in ["none", "short", "long", "."] {
            let mut rest = config(&format!("key 1 file:good\nkey 2 file:{bad}"));
            let said = read_key_files(&mut rest, &directory.0);
            assert!(said.has_errors && said.messages.len() == 1, "{said:?}");
            assert_eq!((secrets(&rest).len(), rest.vrrp_instances.len()), (1, 2));
            let mut without = config(&format!("key 1 file:{bad}\nkey 2 file:good"));
            let said = read_key_files(&mut without, &directory.0);
            assert!(said.has_errors && said.messages.len() == 2, "{said:?}");
            assert_eq!(without.vrrp_instances.len(), 1);
            assert_eq!(without.vrrp_instances[0].name.value, "B");
            assert!(!format!("{said:?}").contains("0123456789"));
        }
    }
}
