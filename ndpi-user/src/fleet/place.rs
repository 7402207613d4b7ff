//! Where policies come from: `nats:HOST:PORT[,KEY=VALUE]…`.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail, ensure};
use ndpi_export::NatsOptions;
use ndpi_nats::{Bucket, Connection, Login, Server};
use serde::{Deserialize, Serialize};

/// How long a server may take to be connected to.
const CONNECT_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// The bucket where none is said.
const BUCKET: &str = "ndpi-policies";

/// A bucket of policies, and who asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    server: Server,
    bucket: Bucket,
    options: NatsOptions,
}

/// The same for an instance, which is at a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicySource(Place);

/// A place with what is secret, as another process is given it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reached {
    pub(super) server: Server,
    pub(super) bucket: String,
    pub(super) login: Login,
}

impl Place {
    /// The bucket.
    pub(super) fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// A connection to its server.
    pub(super) fn connect(&self) -> Result<Connection> {
        let doing = || format!("cannot reach {self}");
        let login = self.options.login().with_context(doing)?;
        Connection::open(&self.server, &login, CONNECT_WAIT).with_context(doing)
    }

    fn read(text: &str) -> Result<Self> {
        let Some(rest) = text.strip_prefix("nats:") else {
            bail!("{text:?} is no place of policies: nats:HOST:PORT[,KEY=VALUE]…")
        };
        let mut parts = rest.split(',');
        let server = parts.next().unwrap_or_default();
        let server = server.parse().map_err(anyhow::Error::msg)?;
        let (mut bucket, mut options) = (BUCKET, NatsOptions::default());
        for part in parts {
            let Some((key, value)) = part.split_once('=') else {
                bail!("{part:?} is no KEY=VALUE")
            };
            if key == "bucket" {
                bucket = value;
            } else if !options.set(key, value) {
                bail!(
                    "there is no {key:?}; there are bucket, site, user, password-file and token-file"
                );
            }
        }
        options.check()?;
        let bucket = Bucket::named(bucket)?;
        Ok(Self { server, bucket, options })
    }
}

/// For whoever runs a fleet, and is at no site.
impl FromStr for Place {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let place = Self::read(text)?;
        ensure!(place.options.said_site().is_none(), "a site is of an instance: see --site");
        Ok(place)
    }
}

impl FromStr for PolicySource {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Place::read(text).map(Self)
    }
}

impl PolicySource {
    /// Where the instance is.
    pub(super) fn site(&self) -> &str {
        self.0.options.site()
    }

    /// The place with what is secret.
    ///
    /// # Errors
    ///
    /// That cannot be read.
    pub(super) fn reached(&self) -> Result<Reached> {
        let Place { server, bucket, options } = &self.0;
        let (server, bucket) = (server.clone(), bucket.name().to_owned());
        Ok(Reached { server, bucket, login: options.login()? })
    }
}

/// Without who asks.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nats:{} (bucket {})", self.server, self.bucket.name())
    }
}

impl fmt::Display for PolicySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_server_a_bucket_and_who_asks() {
        let source: PolicySource = "nats:127.0.0.1,site=north,bucket=b-1".parse().unwrap();
        assert_eq!(source.site(), "north");
        assert_eq!(source.to_string(), "nats:127.0.0.1:4222 (bucket b-1)");
        let plain: PolicySource = "nats:[::1]:1234".parse().unwrap();
        assert_eq!((plain.site(), plain.0.bucket.name()), ("default", BUCKET));
        let login = Login::default();
        let server = "[::1]:1234".parse().unwrap();
        assert_eq!(plain.reached().unwrap(), Reached { server, bucket: BUCKET.into(), login });
    }

    #[test]
    fn what_is_no_place_is_refused_with_what_is() {
        for (text, word) in [
            ("127.0.0.1", "nats:HOST:PORT"),
            ("nats:", "HOST:PORT"),
            ("nats:h,site", "KEY=VALUE"),
            ("nats:h,color=red", "there are bucket, site"),
            ("nats:h,bucket=a.b", "cannot be sent"),
            ("nats:h,user=me", "password-file"),
        ] {
            let error = format!("{:#}", text.parse::<PolicySource>().unwrap_err());
            assert!(error.contains(word), "{text}: {error}");
        }
        let error = "nats:h,site=north".parse::<Place>().unwrap_err().to_string();
        assert!(error.contains("--site"), "{error}");
    }
}
