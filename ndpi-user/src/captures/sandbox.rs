//! Rights that a process which reads captures gives up before nDPI sees a packet.

use std::path::Path;

use ndpi_confine::{ConfineError, Confinement, Enforced};

use crate::engine_setup::EngineSetup;

/// Where nDPI looks up whether the CPU can do AES by itself, and the C library and ours the local time.
const OF_THE_SYSTEM: [&str; 3] = ["/proc/cpuinfo", "/etc/localtime", "/usr/share/zoneinfo"];

/// Whether the process gives up the rights that reading captures does not need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sandbox {
    On,
    Off,
}

impl Sandbox {
    /// Confines this process, and says what that falls short of. Returns whether it is confined.
    #[must_use]
    pub(crate) fn enter(self, confinement: &Confinement) -> Self {
        if self == Self::Off {
            return Self::Off;
        }
        let entered = confinement.apply();
        if let Some(shortfall) = shortfall(&entered) {
            log::warn!("{shortfall}");
        }
        if entered.is_ok() { Self::On } else { Self::Off }
    }

    /// Confines this process further, where its parent is confined, which has said what that falls short
    /// of.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub(crate) fn narrow(self, confinement: &Confinement) -> Result<(), ConfineError> {
        match self {
            Self::On => confinement.apply().map(drop),
            Self::Off => Ok(()),
        }
    }
}

/// What stays open to whoever reads `captures`.
pub(crate) fn reading<'a>(captures: impl IntoIterator<Item = &'a Path>) -> Confinement {
    captures
        .into_iter()
        .chain(OF_THE_SYSTEM.map(Path::new))
        .fold(Confinement::new(), Confinement::reads)
}

/// The same, and the lists that are read again for each engine.
pub(crate) fn reading_with_lists<'a>(
    captures: impl IntoIterator<Item = &'a Path>,
    setup: &EngineSetup,
) -> Confinement {
    setup.lists().fold(reading(captures), Confinement::reads)
}

/// What is to be said of a process that is not confined as it should be.
fn shortfall(entered: &Result<Enforced, ConfineError>) -> Option<String> {
    match entered {
        Ok(Enforced { files: true, .. }) => None,
        Ok(_) => Some(
            "this kernel has no Landlock: nDPI reads the captures in a process that can start no program \
             and open no connection, but can still read the files of the user that it runs as"
                .into(),
        ),
        Err(error) => {
            let error = in_full(error);
            Some(format!(
                "nDPI reads the captures with all rights that this command was started with: {error}"
            ))
        }
    }
}

fn in_full(error: &ConfineError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
