//! Rules from files.

use std::ffi::{CString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ndpi_sys::Functions;
use ndpi_sys::types::Module;

use super::call;
use crate::{CategoryId, EngineBuilder, RulesError};

/// Rules from files. Each can be called several times, for several files.
impl EngineBuilder {
    /// Custom protocols, by ports, host names, addresses, JA4 or TCP fingerprints, in the format of
    /// nDPI's `example/protos.txt` (`ndpi_load_protocols_file`). New names become new protocols.
    ///
    /// A rule for an address that gives a name instead of numbers makes nDPI resolve that name.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or nDPI refuses it. Lines it does not understand it skips.
    #[doc(alias = "ndpi_load_protocols_file")]
    pub fn protocols_file(self, path: &Path) -> Result<Self, RulesError> {
        self.file("protocols", path, |functions, module, path| {
            // SAFETY: the builder's own module, not yet finalized; the path is only read.
            unsafe { (functions.load_protocols_file)(module, path) }
        })
    }

    /// Networks of known protocols: each file of the directory, named
    /// `<protocol id>_<label>.<extension>`, lists addresses and networks of that protocol
    /// (`ndpi_load_protocols_dir`).
    ///
    /// # Errors
    ///
    /// The directory cannot be read, or nDPI refuses it.
    #[doc(alias = "ndpi_load_protocols_dir")]
    pub fn protocols_directory(self, path: &Path) -> Result<Self, RulesError> {
        self.file("protocols", path, |functions, module, path| {
            // SAFETY: the builder's own module, not yet finalized; the path is this call's own
            // copy, which it may write to.
            unsafe { (functions.load_protocols_dir)(module, path) }
        })
    }

    /// Categories of hosts and networks: a name, network or URL and a category's number on each
    /// line, separated by a tab or spaces, as in nDPI's `example/categories.txt`
    /// (`ndpi_load_categories_file`).
    ///
    /// # Errors
    ///
    /// The file cannot be read, or nDPI refuses it. Lines it does not understand it skips.
    #[doc(alias = "ndpi_load_categories_file")]
    pub fn categories_file(self, path: &Path) -> Result<Self, RulesError> {
        self.file("categories", path, |functions, module, path| {
            // SAFETY: the builder's own module, not yet finalized; the path is only read; no user
            // data is attached.
            unsafe { (functions.load_categories_file)(module, path, std::ptr::null_mut()) }
        })
    }

    /// Categories of domains: each file of the directory, named
    /// `<category id>_<label>.<extension>`, lists domains of that category
    /// (`ndpi_load_categories_dir`).
    ///
    /// # Errors
    ///
    /// The directory cannot be read, or nDPI refuses it.
    #[doc(alias = "ndpi_load_categories_dir")]
    pub fn categories_directory(self, path: &Path) -> Result<Self, RulesError> {
        self.file("categories", path, |functions, module, path| {
            // SAFETY: the builder's own module, not yet finalized; the path is this call's own
            // copy, which it may write to.
            unsafe { (functions.load_categories_dir)(module, path) }
        })
    }

    /// Domains of one category, one on each line (`ndpi_load_category_file`).
    ///
    /// # Errors
    ///
    /// The file cannot be read, or nDPI refuses it.
    #[doc(alias = "ndpi_load_category_file")]
    pub fn category_file(self, path: &Path, category: CategoryId) -> Result<Self, RulesError> {
        self.check_category(category)?.file(
            "domains of a category",
            path,
            |functions, module, path| {
                // SAFETY: the builder's own module, not yet finalized; the path is this call's own
                // copy, which it may write to.
                unsafe { (functions.load_category_file)(module, path, category.0.into()) }
            },
        )
    }

    /// JA4 fingerprints of malware, one on each line; a match raises the risk "Malicious
    /// Fingerprint" (`ndpi_load_malicious_ja4_file`).
    ///
    /// # Errors
    ///
    /// The file cannot be read, or nDPI refuses it. Of lines that are no JA4 nDPI complains on
    /// the process's standard output; see
    /// [`c_output_to_stderr`](crate::c_output_to_stderr).
    #[doc(alias = "ndpi_load_malicious_ja4_file")]
    pub fn malicious_ja4_file(self, path: &Path) -> Result<Self, RulesError> {
        self.file("malicious JA4 fingerprints", path, |functions, module, path| {
            // SAFETY: the builder's own module, not yet finalized; the path is only read.
            unsafe { (functions.load_malicious_ja4_file)(module, path) }
        })
    }

    /// SHA-1 fingerprints of certificates of malware, one on each line or as the second field of
    /// lines separated by commas; a match raises the risk "Malicious SSL Cert/SHA1 Fingerp."
    /// (`ndpi_load_malicious_sha1_file`).
    ///
    /// # Errors
    ///
    /// The file cannot be read, or nDPI refuses it.
    #[doc(alias = "ndpi_load_malicious_sha1_file")]
    pub fn malicious_sha1_file(self, path: &Path) -> Result<Self, RulesError> {
        self.file("malicious certificates", path, |functions, module, path| {
            // SAFETY: the builder's own module, not yet finalized; the path is only read.
            unsafe { (functions.load_malicious_sha1_file)(module, path) }
        })
    }

    /// Risky domains, one on each line; a match raises the risk "Risky Domain Name"
    /// (`ndpi_load_risk_domain_file`).
    ///
    /// # Errors
    ///
    /// The file cannot be read, or nDPI refuses it.
    #[doc(alias = "ndpi_load_risk_domain_file")]
    pub fn risk_domains_file(self, path: &Path) -> Result<Self, RulesError> {
        self.file("risky domains", path, |functions, module, path| {
            // SAFETY: the builder's own module, not yet finalized; the path is only read.
            unsafe { (functions.load_risk_domain_file)(module, path) }
        })
    }

    /// The public suffix list (`public_suffix_list.dat`), by which nDPI finds the domain that a
    /// host belongs to (`ndpi_load_domain_suffixes`).
    ///
    /// # Errors
    ///
    /// The file cannot be read, or nDPI refuses it.
    #[doc(alias = "ndpi_load_domain_suffixes")]
    pub fn domain_suffixes_file(self, path: &Path) -> Result<Self, RulesError> {
        self.file("domain suffixes", path, |functions, module, path| {
            // SAFETY: the builder's own module, not yet finalized; the path is this call's own
            // copy, which it may write to.
            unsafe { (functions.load_domain_suffixes)(module, path) }
        })
    }

    /// Fingerprints of TCP stacks and the systems they belong to, in the format of nDPI's
    /// `lists/tcp_fingerprints.csv` (`ndpi_load_tcp_fingerprint_file`).
    ///
    /// # Errors
    ///
    /// The file cannot be read, or nDPI refuses it.
    #[doc(alias = "ndpi_load_tcp_fingerprint_file")]
    pub fn tcp_fingerprints_file(self, path: &Path) -> Result<Self, RulesError> {
        self.file("TCP fingerprints", path, |functions, module, path| {
            // SAFETY: the builder's own module, not yet finalized; the path is only read.
            unsafe { (functions.load_tcp_fingerprint_file)(module, path) }
        })
    }

    fn file(
        self,
        what: &'static str,
        path: &Path,
        load: impl FnOnce(&Functions, *mut Module, *mut c_char) -> c_int,
    ) -> Result<Self, RulesError> {
        std::fs::File::open(path).map_err(|source| RulesError::Unreadable {
            what,
            path: path.to_owned(),
            source,
        })?;
        let name = CString::new(path.as_os_str().as_bytes())
            .map_err(|_| RulesError::Nul { what, value: path.to_string_lossy().into_owned() })?;
        let (functions, module) = self.loaded().ok_or(RulesError::NoModule { what })?;
        let code = call(name, |name| load(functions, module, name));
        if code < 0 {
            return Err(RulesError::File { what, path: path.to_owned(), code });
        }
        log::debug!("nDPI took {what} from {} ({code})", path.display());
        Ok(self)
    }
}
