//! Rules by value.

use std::ffi::{CString, c_char, c_int};
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ndpi_sys::Functions;
use ndpi_sys::constants::BREEDS;
use ndpi_sys::types::Module;

use super::call;
use crate::{BreedId, CategoryId, EngineBuilder, Risks, RulesError};

/// Rules by value.
impl EngineBuilder {
    /// The category and breed of a host name and of all names that end with it
    /// (`ndpi_load_hostname_category`).
    ///
    /// # Errors
    ///
    /// There is no such category or breed, or nDPI refuses the name.
    #[doc(alias = "ndpi_load_hostname_category")]
    pub fn host_category(
        self,
        host: &str,
        category: CategoryId,
        breed: BreedId,
    ) -> Result<Self, RulesError> {
        self.check_category(category)?.check_breed(breed)?.value(
            "a host's category",
            host,
            |functions, module, host| {
                // SAFETY: the builder's own module, not yet finalized; the name is only read.
                unsafe {
                    (functions.load_hostname_category)(
                        module,
                        host,
                        category.0.into(),
                        breed.0.into(),
                    )
                }
            },
        )
    }

    /// The category of an address or network, `198.18.4.0/24` or `2001:db8::/32`
    /// (`ndpi_load_ip_category`).
    ///
    /// # Errors
    ///
    /// This is no network, there is no such category, or nDPI refuses it.
    #[doc(alias = "ndpi_load_ip_category")]
    pub fn ip_category(self, network: &str, category: CategoryId) -> Result<Self, RulesError> {
        let text = library_network(network)?;
        self.check_category(category)?.value(
            "a network's category",
            &text,
            |functions, module, network| {
                // SAFETY: the builder's own module, not yet finalized; the text is only read; no user
                // data is attached.
                unsafe {
                    (functions.load_ip_category)(
                        module,
                        network,
                        category.0.into(),
                        std::ptr::null_mut(),
                    )
                }
            },
        )
    }

    /// The only risks that count for a host name and all names that end with it
    /// (`ndpi_add_host_risk_mask`). [`Flow::mask_risks`](crate::Flow::mask_risks) takes the others
    /// away.
    ///
    /// # Errors
    ///
    /// nDPI refuses the name.
    #[doc(alias = "ndpi_add_host_risk_mask")]
    pub fn host_risk_mask(self, host: &str, mask: Risks) -> Result<Self, RulesError> {
        self.value("a host with a risk mask", host, |functions, module, host| {
            // SAFETY: the builder's own module, not yet finalized; the name is this call's own
            // copy, which it may write to.
            unsafe { (functions.add_host_risk_mask)(module, host, mask.0) }
        })
    }

    /// The only risks that count for an address or network (`ndpi_add_ip_risk_mask`).
    /// [`Flow::mask_risks`](crate::Flow::mask_risks) takes the others away.
    ///
    /// # Errors
    ///
    /// This is no network, or nDPI refuses it.
    #[doc(alias = "ndpi_add_ip_risk_mask")]
    pub fn ip_risk_mask(self, network: &str, mask: Risks) -> Result<Self, RulesError> {
        let text = library_network(network)?;
        self.value("a network with a risk mask", &text, |functions, module, network| {
            // SAFETY: the builder's own module, not yet finalized; the text is this call's own
            // copy, which it may write to, and does.
            unsafe { (functions.add_ip_risk_mask)(module, network, mask.0) }
        })
    }

    /// An issuer whose self-signed certificates raise no risk, as in a certificate:
    /// `CN=…, O=…, C=…` (`ndpi_add_trusted_issuer_dn`).
    ///
    /// # Errors
    ///
    /// nDPI refuses the name.
    #[doc(alias = "ndpi_add_trusted_issuer_dn")]
    pub fn trusted_issuer(self, dn: &str) -> Result<Self, RulesError> {
        self.value("a trusted issuer", dn, |functions, module, dn| {
            // SAFETY: the builder's own module, not yet finalized; the name is this call's own
            // copy, which it may write to.
            unsafe { (functions.add_trusted_issuer_dn)(module, dn) }
        })
    }

    /// The name of one of the five categories that nDPI leaves to its users, 20 to 24
    /// (`ndpi_category_set_name`).
    ///
    /// # Errors
    ///
    /// It is none of these five.
    #[doc(alias = "ndpi_category_set_name")]
    pub fn category_name(self, category: CategoryId, name: &str) -> Result<Self, RulesError> {
        if !CUSTOM_CATEGORIES.contains(&category.0) {
            return Err(RulesError::Unknown { what: "custom category", number: category.0 });
        }
        self.value("a category's name", name, |functions, module, name| {
            // SAFETY: the builder's own module; the name is this call's own copy, which the
            // function copies in turn.
            unsafe { (functions.category_set_name)(module, category.0.into(), name) };
            0
        })
    }

    /// Refuses a category without a name: the library would take any number.
    pub(super) fn check_category(self, category: CategoryId) -> Result<Self, RulesError> {
        let unknown = RulesError::Unknown { what: "category", number: category.0 };
        let Some(module) = &self.module else { return Ok(self) };
        let names = module.category_names();
        match names.get(usize::from(category.0)) {
            Some(name) if !name.is_empty() => Ok(self),
            _ => Err(unknown),
        }
    }

    fn check_breed(self, breed: BreedId) -> Result<Self, RulesError> {
        if u32::from(breed.0) < BREEDS {
            return Ok(self);
        }
        Err(RulesError::Unknown { what: "breed", number: breed.0.into() })
    }

    fn value(
        self,
        what: &'static str,
        value: &str,
        load: impl FnOnce(&Functions, *mut Module, *mut c_char) -> c_int,
    ) -> Result<Self, RulesError> {
        let text = CString::new(value)
            .map_err(|_| RulesError::Nul { what, value: value.escape_default().to_string() })?;
        let (functions, module) = self.loaded().ok_or(RulesError::NoModule { what })?;
        let code = call(text, |text| load(functions, module, text));
        if code < 0 {
            return Err(RulesError::Value { what, value: value.to_owned(), code });
        }
        Ok(self)
    }
}

/// `NDPI_PROTOCOL_CATEGORY_CUSTOM_1` to `_5`.
const CUSTOM_CATEGORIES: RangeInclusive<u16> = 20..=24;

/// A network as the library reads it: IPv6 addresses in brackets. It takes wrong prefix lengths
/// without a word, so they are refused here.
fn library_network(text: &str) -> Result<String, RulesError> {
    let refused = || RulesError::Network { value: text.to_owned() };
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().map_err(|_| refused())?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| refused())?;
    let (address, longest) = match address {
        IpAddr::V4(v4) => (v4.to_string(), 32),
        IpAddr::V6(v6) => (format!("[{v6}]"), 128),
    };
    match length {
        None => Ok(address),
        Some(length) if length <= longest => Ok(format!("{address}/{length}")),
        Some(_) => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_written_as_the_library_reads_them() {
        for (text, expected) in [
            ("198.18.4.0/24", "198.18.4.0/24"),
            ("198.18.4.1", "198.18.4.1"),
            ("2001:db8:0::/32", "[2001:db8::]/32"),
            ("2001:db8::1", "[2001:db8::1]"),
        ] {
            assert_eq!(library_network(text).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_network_is_refused_by_name() {
        for text in ["", "nonsense", "198.18.4.0/", "198.18.4.0/33", "2001:db8::/129", "1.2.3/8"] {
            let message = library_network(text).unwrap_err().to_string();
            assert!(message.contains(&format!("{text:?}")), "{message}");
        }
    }
}
