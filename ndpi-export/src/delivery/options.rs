//! Options of an output to a NATS server beside the server itself.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use ndpi_nats::{Login, Server};
use ndpi_text::shown;

use super::job::{CourierJob, subjects};

/// The site of an instance that has none.
const SITE: &str = "default";

/// A secret at most.
const LONGEST_SECRET: u64 = 64 * 1024;

/// Where an instance is, and who speaks for it to a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NatsOptions {
    pub(crate) site: Option<String>,
    pub(crate) user: Option<String>,
    /// Files, as others see the arguments of a process.
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) token_file: Option<PathBuf>,
}

impl NatsOptions {
    pub(crate) fn is_asked_for(&self) -> bool {
        *self != Self::default()
    }

    /// Takes what an option of a command line says; whether there is such a key.
    pub fn set(&mut self, key: &str, value: &str) -> bool {
        match key {
            "site" => self.site = Some(value.into()),
            "user" => self.user = Some(value.into()),
            "password-file" => self.password_file = Some(value.into()),
            "token-file" => self.token_file = Some(value.into()),
            _ => return false,
        }
        true
    }

    /// The site, where one was said.
    pub fn said_site(&self) -> Option<&str> {
        self.site.as_deref()
    }

    /// The site.
    pub fn site(&self) -> &str {
        self.said_site().unwrap_or(SITE)
    }

    /// Fails where they do not go together.
    ///
    /// # Errors
    ///
    /// What is missing, or too much.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.user.is_some() == self.password_file.is_some(),
            "user and password-file go together"
        );
        ensure!(
            self.user.is_none() || self.token_file.is_none(),
            "a server knows a user or a token: take user and password-file, or token-file"
        );
        Ok(())
    }

    /// As whom a server is spoken to.
    ///
    /// # Errors
    ///
    /// A secret cannot be read.
    pub fn login(&self) -> Result<Login> {
        Ok(Login {
            user: self.user.clone(),
            password: self.password_file.as_deref().map(secret).transpose()?,
            token: self.token_file.as_deref().map(secret).transpose()?,
        })
    }

    /// What brings the records of this instance to a server.
    ///
    /// # Errors
    ///
    /// A secret cannot be read.
    pub(super) fn job(&self, server: &Server, instance: &str) -> Result<CourierJob> {
        let subjects = subjects(self.site(), instance);
        Ok(CourierJob::new(server.clone(), self.login()?, subjects))
    }
}

/// A file's first line.
fn secret(path: &Path) -> Result<String> {
    let doing = || format!("cannot read the secret in {}", shown(path));
    let mut text = String::new();
    let file = File::open(path).with_context(doing)?;
    file.take(LONGEST_SECRET).read_to_string(&mut text).with_context(doing)?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    ensure!(!line.is_empty(), "{}: its first line is empty", doing());
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_from_the_first_line_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "hush\n# of the router\n").unwrap();
        let options = NatsOptions {
            site: Some("north".into()),
            user: Some("router".into()),
            password_file: Some(path.clone()),
            token_file: None,
        };
        let server: Server = "127.0.0.1".parse().unwrap();
        let login =
            Login { user: Some("router".into()), password: Some("hush".into()), token: None };
        let expected = CourierJob::new(server.clone(), login, "ndpi.v1.north.r".into());
        assert_eq!(options.job(&server, "r").unwrap(), expected);
        let plain = NatsOptions::default().job(&server, "r").unwrap();
        assert_eq!(
            plain,
            CourierJob::new(server.clone(), Login::default(), "ndpi.v1.default.r".into())
        );
        for text in ["", "\nhush\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(options.job(&server, "r").unwrap_err().to_string().contains("is empty"));
        }
        std::fs::remove_file(&path).unwrap();
        let error = format!("{:#}", options.job(&server, "r").unwrap_err());
        assert!(error.contains("password: No such file"), "{error}");
    }
}
