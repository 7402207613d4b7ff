//! An engine before it runs.

use std::ffi::CStr;

use ndpi_sys::constants::{
    CONFIG_FINALIZED, CONFIG_INVALID_CONTEXT, CONFIG_INVALID_VALUE, CONFIG_NOT_FOUND, CONFIG_OK,
    CONFIG_REJECTED,
};
use ndpi_sys::types::Module;
use ndpi_sys::{Functions, module_lock};

use super::module::OwnedModule;
use crate::{ConfigError, Engine, EngineError, Library, SharedCaches, text};

/// An engine that is being configured: everything that nDPI wants to know before the first packet.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = ndpi::Library::load(None)?
///     .engine()
///     .config(None, "packets_limit_per_flow", "16")?
///     .config(Some("dns"), "subclassification", "enable")?
///     .protocols_file("protos.txt".as_ref())?
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct EngineBuilder {
    // None where the library could not make one; reported at the first use that has a result.
    pub(super) module: Option<OwnedModule>,
}

impl EngineBuilder {
    pub(crate) fn new(library: &Library, shared: Option<&SharedCaches>) -> Self {
        Self { module: OwnedModule::new(library, shared) }
    }

    /// Changes a setting (`ndpi_set_config`): `key` of a protocol (`tls`, `quic`, … or `any` for
    /// all), or of the engine itself where `protocol` is `None`.
    ///
    /// # Errors
    ///
    /// No such setting, or not with this value; see [`ConfigError`].
    #[doc(alias = "ndpi_set_config")]
    pub fn config(
        self,
        protocol: Option<&str>,
        key: &str,
        value: &str,
    ) -> Result<Self, ConfigError> {
        let setting = setting_name(protocol, key);
        let Some((functions, module)) = self.loaded() else {
            return Err(ConfigError::NoModule { setting });
        };
        let strings = (protocol.map(text::for_c), text::for_c(key), text::for_c(value));
        let (protocol, key, c_value) = match strings {
            (None, Some(key), Some(value)) => (None, key, value),
            (Some(Some(protocol)), Some(key), Some(value)) => (Some(protocol), key, value),
            _ => return Err(ConfigError::Nul { setting }),
        };
        let name = protocol.as_ref().map_or(std::ptr::null(), |name| name.as_ptr());
        let code = {
            let _lock = module_lock();
            // SAFETY: the module is this builder's own, and the strings outlive the call, which
            // copies what it keeps.
            unsafe { (functions.set_config)(module, name, key.as_ptr(), c_value.as_ptr()) }
        };
        if code == CONFIG_INVALID_VALUE && protocol.is_some_and(|name| !self.knows(&name)) {
            return Err(ConfigError::UnknownProtocol { setting });
        }
        config_result(code, setting, value).map(|()| self)
    }

    /// Whether settings can be made for a protocol of this name.
    fn knows(&self, protocol: &CStr) -> bool {
        self.loaded().is_some_and(|(functions, module)| {
            // SAFETY: the module is this builder's own, and the name outlives the call.
            let id = unsafe { (functions.get_proto_by_name)(module, protocol.as_ptr()) };
            id != 0 || protocol == c"any"
        })
    }

    /// Ends the configuration (`ndpi_finalize_initialization`).
    ///
    /// # Errors
    ///
    /// nDPI could not build what was asked for; see [`EngineError`].
    #[doc(alias = "ndpi_finalize_initialization")]
    pub fn build(self) -> Result<Engine, EngineError> {
        let module = self.module.ok_or(EngineError::NoModule)?;
        let code = {
            let _lock = module_lock();
            // SAFETY: the lock is held, and a builder is consumed by this, so that it is the
            // first and only finalization of the module.
            unsafe { (module.library.functions().finalize_initialization)(module.pointer.as_ptr()) }
        };
        if code == 0 { Ok(Engine::new(module)) } else { Err(EngineError::Finalize { code }) }
    }

    /// The functions and the module to call them on.
    pub(super) fn loaded(&self) -> Option<(&Functions, *mut Module)> {
        self.module.as_ref().map(|module| (module.library.functions(), module.pointer.as_ptr()))
    }
}

fn setting_name(protocol: Option<&str>, key: &str) -> String {
    protocol.map_or_else(|| key.to_owned(), |protocol| format!("{protocol},{key}"))
}

fn config_result(code: i32, setting: String, value: &str) -> Result<(), ConfigError> {
    let value = value.to_owned();
    Err(match code {
        CONFIG_OK => return Ok(()),
        CONFIG_NOT_FOUND => ConfigError::UnknownKey { setting },
        CONFIG_INVALID_VALUE => ConfigError::BadValue { setting, value },
        CONFIG_REJECTED => ConfigError::Rejected { setting, value },
        CONFIG_FINALIZED => ConfigError::Finalized { setting },
        CONFIG_INVALID_CONTEXT => ConfigError::NoModule { setting },
        code => ConfigError::Other { setting, code },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_named_as_on_a_command_line() {
        assert_eq!(setting_name(Some("tls"), "metadata.cipher"), "tls,metadata.cipher");
        assert_eq!(setting_name(None, "fpc"), "fpc");
    }

    #[test]
    fn every_code_of_the_library_has_an_error_that_names_the_setting() {
        assert_eq!(config_result(0, "fpc".into(), "1"), Ok(()));
        let errors = [-1, -2, -3, -4, -5, -6].map(|code| config_result(code, "fpc".into(), "x"));
        let setting = || "fpc".to_owned();
        let value = || "x".to_owned();
        assert_eq!(
            errors.map(Result::unwrap_err),
            [
                ConfigError::NoModule { setting: setting() },
                ConfigError::UnknownKey { setting: setting() },
                ConfigError::BadValue { setting: setting(), value: value() },
                ConfigError::Finalized { setting: setting() },
                ConfigError::Rejected { setting: setting(), value: value() },
                ConfigError::Other { setting: setting(), code: -6 },
            ]
        );
    }
}
