//! Which nDPI is used, and how its engines are set up.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result};
use ndpi::{Engine, EngineBuilder, Library, LoadError, RulesError, SharedCaches};
use ndpi_text::shown;

use crate::files::check_regular;

/// Which nDPI, and how it is set up. Lists are loaded in the order of the fields, and the files of each
/// in their own.
#[derive(Clone, Debug, Default)]
pub struct EngineSetup {
    /// The shared library, instead of what the loader finds as libndpi.so.5 (or of the variable
    /// `NDPI_LIBRARY`); a name without `/` is the loader's to find.
    pub library: Option<PathBuf>,
    /// Settings, in the order in which they are made: the last of a key holds.
    pub config: Vec<Setting>,
    /// Custom protocols, in the format of nDPI's protos.txt.
    pub protocols: Vec<PathBuf>,
    /// Categories of hosts and networks, in the format of nDPI's categories.txt.
    pub categories: Vec<PathBuf>,
    /// JA4 fingerprints of malware.
    pub malicious_ja4: Vec<PathBuf>,
    /// SHA-1 fingerprints of certificates of malware.
    pub malicious_sha1: Vec<PathBuf>,
    /// Risky domains.
    pub risk_domains: Vec<PathBuf>,
    /// Public suffix list, with which nDPI finds the domain of a host.
    pub domain_suffixes: Vec<PathBuf>,
    /// Fingerprints of TCP stacks.
    pub tcp_fingerprints: Vec<PathBuf>,
}

/// A setting of nDPI and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The protocol whose setting it is (`any` for all); `None` for the engine's own.
    pub protocol: Option<String>,
    /// The setting.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Loads a file into an engine.
type Load = fn(EngineBuilder, &Path) -> Result<EngineBuilder, RulesError>;

impl EngineSetup {
    /// Loads the library.
    ///
    /// # Errors
    /// There is none, or none that can be used.
    pub fn library(&self) -> Result<Library> {
        // Standard output is for results; nDPI complains of lines in lists there.
        ndpi::c_output_to_stderr();
        // By a name without a folder, the loader finds it elsewhere.
        if let Some(file) = self.library.as_deref().filter(|file| file.exists()) {
            check(file)?;
        }
        Library::load(self.library.as_deref()).map_err(|error| {
            let what_to_do = match error {
                // It is what may not be named.
                LoadError::Privileged { .. } => "nDPI 5.0 cannot be used",
                _ => {
                    "nDPI 5.0 cannot be used; --ndpi-library FILE names one, `cargo xtask setup` \
                     fetches one"
                }
            };
            anyhow::Error::new(error).context(what_to_do)
        })
    }

    /// A new engine.
    ///
    /// # Errors
    /// nDPI does not know a setting, does not take its value, or cannot read a file.
    pub fn engine(&self, library: &Library) -> Result<Engine> {
        self.set_up(library.engine())
    }

    /// The same with as many packets of a flow looked at, unless a setting says otherwise. The
    /// last one makes nDPI decide by what it has seen.
    #[must_use]
    pub fn with_packet_limit(mut self, packets: u8) -> Self {
        let key = "packets_limit_per_flow".to_owned();
        let limit = Setting { protocol: None, key, value: packets.to_string() };
        // Settings are made in their order, so that the user's come later and hold.
        self.config.insert(0, limit);
        self
    }

    /// As [`engine`](Self::engine), one of several that share what they learn of peers.
    ///
    /// # Errors
    /// As [`engine`](Self::engine).
    pub fn sharing_engine(&self, caches: &SharedCaches) -> Result<Engine> {
        self.set_up(caches.engine()?)
    }

    /// The files that each new engine reads.
    pub fn lists(&self) -> impl Iterator<Item = &Path> {
        self.loads().into_iter().flat_map(|(files, _)| files).map(PathBuf::as_path)
    }

    fn set_up(&self, mut engine: EngineBuilder) -> Result<Engine> {
        for Setting { protocol, key, value } in &self.config {
            engine = engine.config(protocol.as_deref(), key, value)?;
        }
        for (files, load) in self.loads() {
            for file in files {
                check(file)?;
                engine = load(engine, file)?;
            }
        }
        Ok(engine.build()?)
    }

    /// The lists in the order in which they are loaded, and what loads each.
    fn loads(&self) -> [(&[PathBuf], Load); 7] {
        [
            (&self.protocols, EngineBuilder::protocols_file),
            (&self.categories, EngineBuilder::categories_file),
            (&self.malicious_ja4, EngineBuilder::malicious_ja4_file),
            (&self.malicious_sha1, EngineBuilder::malicious_sha1_file),
            (&self.risk_domains, EngineBuilder::risk_domains_file),
            (&self.domain_suffixes, EngineBuilder::domain_suffixes_file),
            (&self.tcp_fingerprints, EngineBuilder::tcp_fingerprints_file),
        ]
    }
}

/// Fails where opening a file by its name may wait for ever, as nDPI and the loader would.
fn check(file: &Path) -> Result<()> {
    check_regular(file).with_context(|| format!("cannot read {}", shown(file)))
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("there is no `=` before a value")?;
        let (protocol, key) = match name.split_once(',') {
            Some((protocol, key)) => (Some(protocol.trim().to_owned()), key),
            None => (None, name),
        };
        let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
        if key.is_empty() || protocol.as_ref().is_some_and(String::is_empty) {
            return Err("the name of the setting is missing".into());
        }
        Ok(Self { protocol, key, value })
    }
}

#[cfg(test)]
mod tests {
    use super::{EngineSetup, Setting};
    use crate::testing;

    fn setting(protocol: Option<&str>, key: &str, value: &str) -> Setting {
        Setting { protocol: protocol.map(Into::into), key: key.into(), value: value.into() }
    }

    #[test]
    fn settings_have_a_protocol_or_none() {
        let parse = |text: &str| text.parse::<Setting>();
        assert_eq!(parse("dpi.guess_on_giveup=0"), Ok(setting(None, "dpi.guess_on_giveup", "0")));
        assert_eq!(parse("tls, a.b = 1"), Ok(setting(Some("tls"), "a.b", "1")));
        assert_eq!(parse("a=b=c"), Ok(setting(None, "a", "b=c")));
        for wrong in ["", "a", "=1", "tls,=1", ",a=1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_option_reaches_the_engine() {
        let Some(library) = testing::library() else { return };
        let engine = |options: &EngineSetup| options.engine(&library).map_err(|e| e.to_string());
        let configured = |setting| EngineSetup { config: vec![setting], ..Default::default() };
        engine(&configured(setting(Some("dns"), "subclassification", "1"))).unwrap();
        let error = engine(&configured(setting(None, "no.such", "1"))).unwrap_err();
        assert!(error.contains("no.such"), "{error}");
        let nowhere = || vec!["/nowhere/at/all".into()];
        let all: [fn(&mut EngineSetup) -> &mut Vec<std::path::PathBuf>; 7] = [
            |o| &mut o.protocols,
            |o| &mut o.categories,
            |o| &mut o.malicious_ja4,
            |o| &mut o.malicious_sha1,
            |o| &mut o.risk_domains,
            |o| &mut o.domain_suffixes,
            |o| &mut o.tcp_fingerprints,
        ];
        for list in all {
            let mut options = EngineSetup::default();
            *list(&mut options) = nowhere();
            let error = engine(&options).unwrap_err();
            assert!(error.contains("/nowhere/at/all"), "{error}");
            *list(&mut options) = vec!["/dev/zero".into()];
            let error = options.engine(&library).unwrap_err();
            assert!(format!("{error:#}").contains("not a regular file"), "{error:#}");
        }
    }
}
