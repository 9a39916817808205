//! The files of the `SSL` block. They are read by the supervisor: the checker may not read a private key.

use std::fs;
use std::path::Path;

use holdfast_checker::tls::Identity;
use holdfast_conf::config::Config;

/// What this node shows of itself to the servers of `SSL_GET`, and what there is to say about it.
#[derive(Debug, Default)]
pub struct ReadIdentity {
    /// What was read; a file that could not be is left out
    pub identity: Identity,
    /// A line each
    pub messages: Vec<String>,
}

/// Reads the files; relative paths begin at `directory`. Each file is read anew at every start and reload.
pub fn read_identity(config: &Config, directory: &Path) -> ReadIdentity {
    let mut read = ReadIdentity::default();
    let Some(ssl) = &config.ssl else { return read };
    let mut text = |keyword: &str, path: &Option<String>| {
        let path = directory.join(path.as_ref()?);
        match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) => {
                let path = path.display();
                read.messages
                    .push(format!("SSL: {keyword} '{path}' cannot be read: {error}"));
                None
            }
        }
    };
    let ca = text("ca", &ssl.ca);
    let certificate = text("certificate", &ssl.certificate);
    let key = text("key", &ssl.key);
    read.identity = Identity {
        ca,
        certificate,
        key,
        password: ssl.password.clone(),
    };
    if let Some(problem) = read.identity.problem() {
        read.messages.push(format!("SSL: {problem}"));
    }
    read
}

impl ReadIdentity {
    /// Whether something is wrong with it.
    pub fn has_errors(&self) -> bool {
        !self.messages.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_conf::config::Ssl;

    fn config(ssl: Ssl) -> Config {
        Config {
            ssl: Some(ssl),
            ..Config::default()
        }
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        let absent = config(Ssl {
            key: Some("absent.pem".to_owned()),
            ..Ssl::default()
        });
        let read = read_identity(&absent, Path::new("/nowhere"));
        assert_eq!(
            read.messages,
            ["SSL: key '/nowhere/absent.pem' cannot be read: No such file or directory (os error 2)"]
        );
        let wrong = config(Ssl {
            ca: Some("/proc/self/status".to_owned()),
            ..Ssl::default()
        });
        let read = read_identity(&wrong, Path::new("/"));
        assert_eq!(read.messages, ["SSL: ca: no certificate in it"]);
        assert!(read.has_errors());
        assert!(!read_identity(&Config::default(), Path::new("/")).has_errors());
    }
}
