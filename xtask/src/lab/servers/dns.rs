//! dnsmasq, which knows the lab's names and refuses all others.

use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;

use anyhow::Result;
use testkit::topology::{SERVER_V4, SERVER_V6};

use super::setting::Setting;
use crate::lab::daemon::Daemon;

pub(super) fn start(setting: &Setting) -> Result<Daemon> {
    let file = setting.folder.join("dnsmasq.conf");
    fs::write(&file, configuration(setting.names))?;
    let option = format!("--conf-file={}", file.display());
    // No process id file, and in the foreground, where the lab can end it.
    let program = ["dnsmasq", "--keep-in-foreground", "--pid-file", "--log-facility=-", &option];
    Daemon::start("dnsmasq", setting.server, &program, setting.folder, Stdio::null())
}

fn configuration(names: &[&str]) -> String {
    let mut text = String::from("no-resolv\nno-hosts\nuser=root\nlocal-ttl=60\n");
    for address in [SERVER_V4, SERVER_V6] {
        let _ = writeln!(text, "listen-address={address}");
        for name in names {
            let _ = writeln!(text, "address=/{name}/{address}");
        }
    }
    text + "bind-interfaces\n"
}

#[cfg(test)]
mod tests {
    use super::configuration;

    #[test]
    fn every_name_has_both_addresses() {
        let text = configuration(&["www.example.org"]);
        assert!(text.contains("address=/www.example.org/198.18.2.2\n"), "{text}");
        assert!(text.contains("address=/www.example.org/2001:db8:2::2\n"), "{text}");
    }
}
