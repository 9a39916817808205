//! A host made of lists.

use super::{Host, HostAddress, Program};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;

/// `eth0` and `lo`, root and nobody, and nothing else.
#[derive(Clone, Debug)]
pub(crate) struct FakeHost {
    pub(crate) interfaces: Vec<&'static str>,
    pub(crate) addresses: Vec<HostAddress>,
    pub(crate) sysctls: HashMap<&'static str, &'static str>,
    pub(crate) programs: Vec<&'static str>,
    pub(crate) insecure: Vec<&'static str>,
}

impl Default for FakeHost {
    fn default() -> Self {
        Self {
            interfaces: vec!["eth0", "lo"],
            addresses: Vec::new(),
            sysctls: HashMap::new(),
            programs: vec!["/usr/bin/true"],
            insecure: Vec::new(),
        }
    }
}

impl FakeHost {
    pub(crate) fn address(mut self, address: &str, prefix_length: u8) -> Self {
        self.addresses.push(HostAddress {
            interface: "eth0".to_owned(),
            address: address.parse().unwrap(),
            prefix_length,
        });
        self
    }
}

impl Host for FakeHost {
    fn has_interface(&self, name: &str) -> bool {
        self.interfaces.contains(&name)
    }

    fn addresses(&self) -> &[HostAddress] {
        &self.addresses
    }

    fn sysctl(&self, name: &str) -> Option<String> {
        self.sysctls.get(name).map(|value| (*value).to_owned())
    }

    fn program(&self, command: &OsStr) -> Program {
        match self.programs.iter().any(|known| *known == command) {
            true => Program::Executable,
            false if command == "/etc" => Program::NotExecutable,
            false => Program::Missing,
        }
    }

    fn insecure(&self, path: &Path) -> Option<String> {
        let found = self.insecure.iter().find(|part| path.starts_with(part))?;
        Some(format!("{found} (owner uid 1000, mode 0755): must belong to root"))
    }

    fn user_id(&self, user: &str, _group: Option<&str>) -> Result<u32, String> {
        match user {
            "root" => Ok(0),
            "nobody" => Ok(65534),
            _ => Err(format!("there is no user {user}")),
        }
    }

    fn default_user_id(&self) -> u32 {
        0
    }
}
