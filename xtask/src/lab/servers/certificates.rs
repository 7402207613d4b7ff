//! Certificates for the lab's names, each signed by itself and trusted by the lab's clients alone.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::setting::Setting;
use crate::process;

/// All certificates in one file, in the lab's folder: what the clients trust.
pub(in crate::lab) const TRUSTED: &str = "trusted.pem";

/// A key and a certificate for each name.
pub(super) fn make(setting: &Setting) -> Result<()> {
    let mut trusted = String::new();
    for name in setting.names {
        let (key, certificate) = files(setting.folder, name);
        process::output(
            process::command("openssl")
                .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
                .args(["-nodes", "-days", "2", "-subj", &format!("/CN={name}")])
                .args(["-addext", &format!("subjectAltName=DNS:{name}")])
                .arg("-keyout")
                .arg(&key)
                .arg("-out")
                .arg(&certificate),
        )?;
        trusted += &fs::read_to_string(&certificate)?;
    }
    Ok(fs::write(setting.folder.join(TRUSTED), trusted)?)
}

/// Where the key and the certificate of `name` are.
pub(super) fn files(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    (folder.join(format!("{name}.key")), folder.join(format!("{name}.pem")))
}
