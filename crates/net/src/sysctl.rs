//! Kernel settings under `/proc/sys/net`: written, read back, and put back as they were when nobody wants them any more.
//!
//! The kernel shows each process the settings of the network namespace that the process itself is in. Writing waits for
//! nothing but the kernel's own lock, so these are plain functions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::NetError;

/// Where the kernel shows its settings.
const FOLDER: &str = "/proc/sys";

/// The name of one setting. Names of interfaces may contain dots, so the parts are kept apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sysctl {
    parts: Vec<String>,
}

impl Sysctl {
    /// A setting by the parts of its name: `net`, `ipv4`, `igmp_link_local_mcast_reports`.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            parts: parts.into_iter().map(str::to_owned).collect(),
        }
    }

    /// `net.ipv4.conf.INTERFACE.NAME`; the interface may be `all` or `default`.
    pub fn ipv4(interface: &str, name: &str) -> Self {
        Self::new(["net", "ipv4", "conf", interface, name])
    }

    /// `net.ipv6.conf.INTERFACE.NAME`; the interface may be `all` or `default`.
    pub fn ipv6(interface: &str, name: &str) -> Self {
        Self::new(["net", "ipv6", "conf", interface, name])
    }

    /// The interface that it is a setting of.
    pub fn interface(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [_, _, conf, interface, _] if conf == "conf" => Some(interface),
            _ => None,
        }
    }

    /// What the kernel has now, without the line end.
    pub fn read(&self) -> Result<String, NetError> {
        self.read_in(Path::new(FOLDER))
    }

    fn read_in(&self, folder: &Path) -> Result<String, NetError> {
        let path = self
            .path_in(folder)
            .map_err(NetError::system("read", self.to_string()))?;
        let text = std::fs::read_to_string(path).map_err(NetError::system("read", self.to_string()))?;
        Ok(text.trim().to_owned())
    }

    /// Writes a value, and makes sure that the kernel took it.
    fn write_in(&self, folder: &Path, value: &str) -> Result<(), NetError> {
        let path = self
            .path_in(folder)
            .map_err(NetError::system("set", self.to_string()))?;
        // Opened for writing only: a file that is not there must not be made.
        std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| io::Write::write_all(&mut file, value.as_bytes()))
            .map_err(NetError::system("set", self.to_string()))?;
        let found = self.read_in(folder)?;
        if found == value {
            return Ok(());
        }
        Err(NetError::Answer {
            operation: "set",
            object: self.to_string(),
            detail: format!("{value} was written, and {found} is there"),
        })
    }

    /// No name leads out of the folder.
    fn path_in(&self, folder: &Path) -> io::Result<PathBuf> {
        let is_plain = |part: &String| !part.is_empty() && !part.contains('/') && part != "." && part != "..";
        if self.parts.iter().all(is_plain) {
            Ok(folder.join(self.parts.iter().collect::<PathBuf>()))
        } else {
            Err(io::Error::from_raw_os_error(libc::EINVAL))
        }
    }
}

impl fmt::Display for Sysctl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As sysctl(8) writes it: a dot within a name is a slash there.
        let parts: Vec<String> = self.parts.iter().map(|part| part.replace('.', "/")).collect();
        f.write_str(&parts.join("."))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    former: String,
    ours: String,
}

/// A setting that somebody changed for a while: what his successor must know if he cannot put it back himself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChangedSysctl {
    /// Which one
    pub sysctl: Sysctl,
    /// What was there before
    pub former: String,
    /// What was written
    pub ours: String,
}

/// Settings that are ours for a while. Dropping this restores nothing: say [`Sysctls::restore_all`].
#[derive(Debug)]
pub struct Sysctls {
    folder: PathBuf,
    held: BTreeMap<Sysctl, Held>,
}

impl Default for Sysctls {
    fn default() -> Self {
        Self {
            folder: PathBuf::from(FOLDER),
            held: BTreeMap::new(),
        }
    }
}

impl Sysctls {
    /// Sets a value, reads it back and remembers what was there before the first time. A value that is there already is
    /// remembered too, so that two that want the same do not undo each other. It is written all the same: the kernel
    /// carries later changes of `default` over to an interface whose own setting nobody has written yet.
    pub fn set(&mut self, sysctl: &Sysctl, value: &str) -> Result<(), NetError> {
        let found = sysctl.read_in(&self.folder)?;
        sysctl.write_in(&self.folder, value)?;
        let former = match self.held.remove(sysctl) {
            Some(held) => held.former,
            None => found,
        };
        let ours = value.to_owned();
        self.held.insert(sysctl.clone(), Held { former, ours });
        Ok(())
    }

    /// Sets all of these, and restores those set earlier that are not among them. What fails is in the answer, and is tried
    /// again the next time.
    pub fn apply(&mut self, wanted: &BTreeMap<Sysctl, String>) -> Vec<NetError> {
        let given_up: BTreeSet<Sysctl> = self
            .held
            .keys()
            .filter(|held| !wanted.contains_key(held))
            .cloned()
            .collect();
        let restored = given_up.iter().filter_map(|sysctl| self.restore(sysctl).err());
        let mut errors: Vec<NetError> = restored.collect();
        errors.extend(
            wanted
                .iter()
                .filter_map(|(sysctl, value)| self.set(sysctl, value).err()),
        );
        errors
    }

    /// Those that were changed, in the order of their names.
    pub fn changed(&self) -> Vec<ChangedSysctl> {
        let changed = self.held.iter().filter(|(_, held)| held.former != held.ours);
        let changed = changed.map(|(sysctl, held)| ChangedSysctl {
            sysctl: sysctl.clone(),
            former: held.former.clone(),
            ours: held.ours.clone(),
        });
        changed.collect()
    }

    /// What somebody before us changed, who was killed: as if we had done it, where his values are still there and we have not
    /// found other ones.
    pub fn inherit(&mut self, changed: &[ChangedSysctl]) {
        for ChangedSysctl { sysctl, former, ours } in changed {
            match self.held.get_mut(sysctl) {
                Some(held) if held.former == *ours => held.former.clone_from(former),
                None if sysctl.read_in(&self.folder).is_ok_and(|found| found == *ours) => {
                    let (former, ours) = (former.clone(), ours.clone());
                    self.held.insert(sysctl.clone(), Held { former, ours });
                }
                _ => {}
            }
        }
    }

    /// Puts back what was there before [`Self::set`]. What somebody else changed since then stays, and an interface that is
    /// gone took its settings with it.
    pub fn restore(&mut self, sysctl: &Sysctl) -> Result<(), NetError> {
        let Some(held) = self.held.remove(sysctl) else {
            return Ok(());
        };
        let found = match sysctl.read_in(&self.folder) {
            Err(error) if error.errno() == Some(libc::ENOENT) => return Ok(()),
            found => found?,
        };
        if found != held.ours || held.former == held.ours {
            return Ok(());
        }
        sysctl.write_in(&self.folder, &held.former)
    }

    /// Puts everything back.
    pub fn restore_all(&mut self) -> Vec<NetError> {
        self.apply(&BTreeMap::new())
    }

    /// An interface went away: one that comes with the same name begins with settings of its own.
    pub fn forget_interface(&mut self, interface: &str) {
        self.held.retain(|sysctl, _| sysctl.interface() != Some(interface));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "1";

    /// A folder that looks like the kernel's.
    struct Fake(PathBuf);

    impl Fake {
        fn new(test: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("holdfast-sysctl-{test}-{}", std::process::id()));
            let fake = Self(folder);
            fake.put("eth0", "0\n");
            fake
        }

        fn path(&self, interface: &str) -> PathBuf {
            self.0.join("net/ipv4/conf").join(interface).join("promote_secondaries")
        }

        fn put(&self, interface: &str, text: &str) {
            let path = self.path(interface);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }

        fn get(&self, interface: &str) -> String {
            std::fs::read_to_string(self.path(interface)).unwrap().trim().to_owned()
        }

        fn sysctls(&self) -> Sysctls {
            Sysctls {
                folder: self.0.clone(),
                held: BTreeMap::new(),
            }
        }
    }

    impl Drop for Fake {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn promote(interface: &str) -> Sysctl {
        Sysctl::ipv4(interface, "promote_secondaries")
    }

    #[test]
    fn a_value_is_set_and_the_one_before_the_first_time_comes_back() {
        let fake = Fake::new("set");
        let mut sysctls = fake.sysctls();
        sysctls.set(&promote("eth0"), OURS).unwrap();
        assert_eq!(fake.get("eth0"), OURS);
        sysctls.set(&promote("eth0"), "2").unwrap();
        sysctls.restore(&promote("eth0")).unwrap();
        assert_eq!(fake.get("eth0"), "0");
        fake.put("eth0", OURS);
        sysctls.restore(&promote("eth0")).unwrap();
        assert_eq!(fake.get("eth0"), OURS, "it is no longer ours");
    }

    #[test]
    fn what_somebody_else_changed_stays() {
        let fake = Fake::new("else");
        let mut sysctls = fake.sysctls();
        sysctls.set(&promote("eth0"), OURS).unwrap();
        fake.put("eth0", "7");
        assert!(sysctls.restore_all().is_empty());
        assert_eq!(fake.get("eth0"), "7");
    }

    #[test]
    fn what_is_no_longer_wanted_is_put_back() {
        let fake = Fake::new("wanted");
        fake.put("vrrp.51", "0");
        let mut sysctls = fake.sysctls();
        let wanted = |names: &[&str]| names.iter().map(|name| (promote(name), OURS.to_owned())).collect();
        assert!(sysctls.apply(&wanted(&["eth0", "vrrp.51"])).is_empty());
        assert_eq!((fake.get("eth0"), fake.get("vrrp.51")), (OURS.into(), OURS.into()));
        assert!(sysctls.apply(&wanted(&["vrrp.51"])).is_empty());
        assert_eq!((fake.get("eth0"), fake.get("vrrp.51")), ("0".into(), OURS.into()));
        assert!(sysctls.restore_all().is_empty());
        assert_eq!(fake.get("vrrp.51"), "0");
    }

    #[test]
    fn an_interface_that_is_gone_is_no_error_and_a_new_one_has_its_own_value() {
        let fake = Fake::new("gone");
        let mut sysctls = fake.sysctls();
        sysctls.set(&promote("eth0"), OURS).unwrap();
        std::fs::remove_file(fake.path("eth0")).unwrap();
        assert!(sysctls.restore_all().is_empty());
        assert!(!fake.path("eth0").exists());

        fake.put("eth0", "0");
        sysctls.set(&promote("eth0"), OURS).unwrap();
        sysctls.forget_interface("eth0");
        fake.put("eth0", "5");
        sysctls.set(&promote("eth0"), OURS).unwrap();
        assert!(sysctls.restore_all().is_empty());
        assert_eq!(fake.get("eth0"), "5");
    }

    #[test]
    fn what_a_predecessor_changed_is_put_back_where_it_still_is() {
        let fake = Fake::new("inherit");
        for interface in ["eth1", "eth2", "eth3"] {
            fake.put(interface, "0");
        }
        let names = ["eth0", "eth1", "eth2", "eth3"];
        let mut killed = fake.sysctls();
        let wanted = |names: &[&str]| names.iter().map(|name| (promote(name), OURS.to_owned())).collect();
        assert!(killed.apply(&wanted(&names)).is_empty());
        let changed = killed.changed();
        assert_eq!(changed.len(), 4);
        // Somebody puts one back, and writes something else to another one.
        fake.put("eth2", "0");
        fake.put("eth3", "7");

        let mut next = fake.sysctls();
        assert!(next.apply(&wanted(&["eth0", "eth2"])).is_empty());
        next.inherit(&changed);
        assert_eq!(next.changed().len(), 3, "eth3 is nobody's");
        assert!(next.apply(&wanted(&["eth0"])).is_empty());
        assert_eq!(
            ["eth0", "eth1", "eth2", "eth3"].map(|name| fake.get(name)),
            ["1", "0", "0", "7"]
        );
        assert!(next.restore_all().is_empty());
        assert_eq!(fake.get("eth0"), "0");
    }

    #[test]
    fn errors_name_the_setting_as_sysctl_does_and_no_name_leads_elsewhere() {
        let fake = Fake::new("errors");
        let error = fake.sysctls().set(&promote("vrrp.51"), OURS).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("cannot read net.ipv4.conf.vrrp/51.promote_secondaries: "),
            "{text}"
        );
        assert_eq!(error.errno(), Some(libc::ENOENT));
        let elsewhere = fake.sysctls().set(&promote("../.."), OURS).unwrap_err();
        assert_eq!(elsewhere.errno(), Some(libc::EINVAL));
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        // A real one that nobody can write to.
        let sysctl = Sysctl::new(["kernel", "ostype"]);
        assert_eq!(sysctl.read().unwrap(), "Linux");
        assert!(Sysctls::default().set(&sysctl, "1").is_err());
    }
}
