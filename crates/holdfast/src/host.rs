//! The host that a configuration is for, as far as the configuration can be wrong about it.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use holdfast_conf::Host;
use holdfast_conf::host::{HostAddress, Program};
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::if_nameindex;
use nix::sys::socket::{SockaddrLike, SockaddrStorage};

use crate::scripts::{Identity, check_path, default_identity};

const ANY_EXECUTE: u32 = 0o111;

/// This host, with the interfaces and addresses that it had when it was looked at.
#[derive(Debug, Clone)]
pub struct ThisHost {
    interfaces: HashSet<String>,
    addresses: Vec<HostAddress>,
}

impl ThisHost {
    /// Looks at the host.
    pub fn look() -> Self {
        let names = if_nameindex().map(|all| all.iter().map(|it| it.name().to_string_lossy().into_owned()).collect());
        // A host that does not tell is treated as one without.
        let addresses = getifaddrs().map(|all| all.filter_map(host_address).collect());
        Self {
            interfaces: names.unwrap_or_default(),
            addresses: addresses.unwrap_or_default(),
        }
    }
}

impl Host for ThisHost {
    fn has_interface(&self, name: &str) -> bool {
        self.interfaces.contains(name)
    }

    fn addresses(&self) -> &[HostAddress] {
        &self.addresses
    }

    fn sysctl(&self, name: &str) -> Option<String> {
        let value = std::fs::read_to_string(Path::new("/proc/sys").join(name.replace('.', "/"))).ok()?;
        Some(value.trim().to_owned())
    }

    fn program(&self, command: &OsStr) -> Program {
        match find_program(Path::new(command)) {
            Ok(_) => Program::Executable,
            Err(missing) => missing,
        }
    }

    fn insecure(&self, path: &Path) -> Option<String> {
        check_path(path).map(|insecure| insecure.to_string())
    }

    fn user_id(&self, user: &str, group: Option<&str>) -> Result<u32, String> {
        let identity = Identity::look_up(user, group).map_err(|error| format!("{error:#}"))?;
        Ok(identity.uid)
    }

    fn default_user_id(&self) -> u32 {
        default_identity().uid
    }
}

fn host_address(entry: InterfaceAddress) -> Option<HostAddress> {
    let address = ip(&entry.address?)?;
    let prefix_length = match ip(&entry.netmask?)? {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    };
    Some(HostAddress {
        interface: entry.interface_name,
        address,
        prefix_length: u8::try_from(prefix_length).ok()?,
    })
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    address.family()?;
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

/// The file that a command runs: itself, or what the shell would find by its name.
pub fn find_program(command: &Path) -> Result<PathBuf, Program> {
    search(command, &std::env::var_os("PATH").unwrap_or_default())
}

fn search(command: &Path, search_path: &OsStr) -> Result<PathBuf, Program> {
    let candidates: Vec<PathBuf> = if command.components().count() > 1 || command.is_absolute() {
        vec![command.to_owned()]
    } else {
        std::env::split_paths(search_path)
            .map(|folder| folder.join(command))
            .collect()
    };
    let mut found = Program::Missing;
    for candidate in candidates {
        match candidate.metadata() {
            Ok(it) if it.is_file() && it.permissions().mode() & ANY_EXECUTE != 0 => return Ok(candidate),
            Ok(_) => found = Program::NotExecutable,
            Err(_) => {}
        }
    }
    Err(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_as_a_shell_finds_them() {
        let folder = std::env::temp_dir().join(format!("holdfast-host-test-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("directory")).unwrap();
        std::fs::write(folder.join("text"), "").unwrap();
        std::fs::write(folder.join("run"), "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(folder.join("run"), PermissionsExt::from_mode(0o755)).unwrap();
        let path = std::env::join_paths([Path::new("/nonexistent"), &folder]).unwrap();
        let ask = |command: &str| search(Path::new(command), &path);
        assert_eq!(ask("run"), Ok(folder.join("run")));
        assert_eq!(ask("text"), Err(Program::NotExecutable));
        assert_eq!(ask("nothing"), Err(Program::Missing));
        let absolute = |name: &str| search(&folder.join(name), OsStr::new(""));
        assert_eq!(absolute("run"), Ok(folder.join("run")));
        assert_eq!(absolute("directory"), Err(Program::NotExecutable));
        assert_eq!(absolute("nothing"), Err(Program::Missing));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_loopback_interface_is_everywhere() {
        let host = ThisHost::look();
        assert!(host.has_interface("lo"));
        assert!(!host.has_interface("nosuch0"));
        if let Some(loopback) = host
            .addresses()
            .iter()
            .find(|it| it.address.is_loopback() && it.address.is_ipv4())
        {
            assert_eq!((loopback.interface.as_str(), loopback.prefix_length), ("lo", 8));
        }
        assert!(host.sysctl("kernel.ostype").is_some_and(|name| name == "Linux"));
        assert_eq!(host.sysctl("net.no_such_thing"), None);
        assert_eq!(host.user_id("root", None), Ok(0));
        assert!(host.user_id("no-such-user", None).is_err());
    }
}
