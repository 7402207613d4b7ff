//! Options of an output to a NATS server or a Kafka broker beside that itself.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use ndpi_nats::{Login, Server};
use ndpi_text::shown;

use super::job::{CourierJob, To, subjects};

/// The site of an instance that has none.
const SITE: &str = "default";

/// The topic where none is said.
const TOPIC: &str = "ndpi";

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
    /// Of Kafka.
    pub(crate) topic: Option<String>,
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
    pub(super) fn nats_job(&self, server: &Server, instance: &str) -> Result<CourierJob> {
        let to = To::Nats { server: server.clone(), login: self.login()? };
        Ok(CourierJob::new(to, subjects(self.site(), instance)))
    }

    /// The same to a broker of Kafka.
    ///
    /// # Errors
    ///
    /// A secret cannot be read.
    pub(super) fn kafka_job(
        &self,
        server: &ndpi_kafka::Server,
        instance: &str,
    ) -> Result<CourierJob> {
        let Login { user, password, token: _ } = self.login()?;
        let topic = self.topic.clone().unwrap_or_else(|| TOPIC.into());
        let login = ndpi_kafka::Login { user, password };
        let to = To::Kafka { server: server.clone(), login, topic };
        Ok(CourierJob::new(to, subjects(self.site(), instance)))
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
            topic: None,
        };
        let server: Server = "127.0.0.1".parse().unwrap();
        let login =
            Login { user: Some("router".into()), password: Some("hush".into()), token: None };
        let to = To::Nats { server: server.clone(), login };
        let expected = CourierJob::new(to, "ndpi.v1.north.r".into());
        assert_eq!(options.nats_job(&server, "r").unwrap(), expected);
        let to = To::Nats { server: server.clone(), login: Login::default() };
        let plain = NatsOptions::default().nats_job(&server, "r").unwrap();
        assert_eq!(plain, CourierJob::new(to, "ndpi.v1.default.r".into()));
        let broker: ndpi_kafka::Server = "127.0.0.1".parse().unwrap();
        let login =
            ndpi_kafka::Login { user: Some("router".into()), password: Some("hush".into()) };
        let to = To::Kafka { server: broker.clone(), login, topic: "ndpi".into() };
        let expected = CourierJob::new(to, "ndpi.v1.north.r".into());
        assert_eq!(options.kafka_job(&broker, "r").unwrap(), expected);
        for text in ["", "\nhush\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(options.nats_job(&server, "r").unwrap_err().to_string().contains("is empty"));
        }
        std::fs::remove_file(&path).unwrap();
        let error = format!("{:#}", options.nats_job(&server, "r").unwrap_err());
        assert!(error.contains("password: No such file"), "{error}");
    }
}
