//! Errors after the library was loaded. `Debug` gives each error's text and its causes', for
//! who returns one from `main`.

use std::fmt;
use std::path::PathBuf;

use ndpi_sys::write_with_causes;

/// Why a setting was not taken (`ndpi_set_config`).
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// nDPI 5.0 has no such key, for this protocol or at all.
    #[error("nDPI has no setting {setting}")]
    UnknownKey {
        /// The setting as `protocol,key`, or `key` alone.
        setting: String,
    },
    /// There is no such protocol to make a setting for.
    #[error("nDPI knows no protocol to make the setting {setting} for")]
    UnknownProtocol {
        /// The setting as `protocol,key`.
        setting: String,
    },
    /// The key does not take this value. Switches take `0`, `1`, `enable` and `disable`, but not
    /// `true`.
    #[error("nDPI's setting {setting} does not take the value {value:?}")]
    BadValue {
        /// The setting as `protocol,key`, or `key` alone.
        setting: String,
        /// The value.
        value: String,
    },
    /// The setting makes no sense here: a cache cannot be shared (`lru.*.scope`) in an engine that
    /// was not made from [`SharedCaches`](crate::SharedCaches).
    #[error(
        "nDPI's setting {setting} cannot be {value:?} here; sharing caches needs an engine made \
         from SharedCaches"
    )]
    Rejected {
        /// The setting as `protocol,key`, or `key` alone.
        setting: String,
        /// The value.
        value: String,
    },
    /// The engine is running already.
    #[error("nDPI's setting {setting} cannot be changed in a running engine")]
    Finalized {
        /// The setting as `protocol,key`, or `key` alone.
        setting: String,
    },
    /// A protocol, key or value with a NUL byte in it.
    #[error("the setting {setting:?} holds a NUL byte")]
    Nul {
        /// The setting as `protocol,key`, or `key` alone.
        setting: String,
    },
    /// There is no module to configure, since memory was short when the engine was made.
    #[error("nDPI's setting {setting} cannot be set: the engine could not be made")]
    NoModule {
        /// The setting as `protocol,key`, or `key` alone.
        setting: String,
    },
    /// A result that 5.0 does not have.
    #[error("nDPI refused the setting {setting} with code {code}")]
    Other {
        /// The setting as `protocol,key`, or `key` alone.
        setting: String,
        /// What `ndpi_set_config` returned.
        code: i32,
    },
}

/// Why rules (protocols, categories, lists) were not taken.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// The file cannot be opened for reading. Looked at before nDPI is asked, which would only
    /// say −1.
    #[error("cannot read {what} from {}", path.display())]
    Unreadable {
        /// What it should hold.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// nDPI read the file and refused it.
    #[error("nDPI did not take {what} from {} (code {code})", path.display())]
    File {
        /// What it should hold.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the loading function returned.
        code: i32,
    },
    /// nDPI refused a single value.
    #[error("nDPI did not take {value:?} as {what} (code {code})")]
    Value {
        /// What it should be.
        what: &'static str,
        /// The value.
        value: String,
        /// What the function returned.
        code: i32,
    },
    /// Not an address or network.
    #[error("{value:?} is no address or network, such as 198.18.4.0/24 or 2001:db8::/32")]
    Network {
        /// The value.
        value: String,
    },
    /// A category or breed that nDPI does not have.
    #[error("nDPI has no {what} with the number {number}")]
    Unknown {
        /// `category` or `breed`.
        what: &'static str,
        /// The number.
        number: u16,
    },
    /// A path or value with a NUL byte in it.
    #[error("{value:?} holds a NUL byte and cannot be {what}")]
    Nul {
        /// What it should be.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// There is no module to load into, since memory was short when the engine was made.
    #[error("nDPI cannot load {what}: the engine could not be made")]
    NoModule {
        /// What should be loaded.
        what: &'static str,
    },
}

/// Why an engine could not be made.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// `ndpi_init_detection_module` gave none; an engine takes about 10 MB.
    #[error("nDPI could not make a detection module; is memory short?")]
    NoModule,
    /// `ndpi_global_init` gave none.
    #[error("nDPI could not make a context for shared caches; is memory short?")]
    NoContext,
    /// `ndpi_finalize_initialization` failed.
    #[error("nDPI could not finish the configuration of a detection module (code {code})")]
    Finalize {
        /// What it returned.
        code: i32,
    },
}

/// Why there is no JSON of a flow.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// nDPI could not write it.
    #[error("nDPI could not write a flow as JSON (code {code}); is memory short?")]
    Failed {
        /// What the function returned.
        code: i32,
    },
    /// One end is IPv4, the other IPv6.
    #[error("the ends of a flow are of different IP versions")]
    Families,
}

macro_rules! readable {
    ($($error:ty),+) => {$(
        impl fmt::Debug for $error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_with_causes(self, f)
            }
        }
    )+};
}

readable!(ConfigError, RulesError, EngineError, JsonError);

#[cfg(test)]
mod tests {
    use std::io;

    use super::{EngineError, RulesError};

    #[test]
    fn an_error_that_main_returns_is_readable_and_names_its_cause_once() {
        let source = io::Error::from(io::ErrorKind::NotFound);
        let error = RulesError::Unreadable { what: "protocols", path: "/a".into(), source };
        assert_eq!(error.to_string(), "cannot read protocols from /a");
        assert_eq!(format!("{error:?}"), "cannot read protocols from /a: entity not found");
        let error = EngineError::Finalize { code: -1 };
        assert_eq!(format!("{error:?}"), error.to_string());
    }
}
