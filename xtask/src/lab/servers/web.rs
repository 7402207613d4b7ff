//! nginx: the lab's web sites, by name, over TLS and in the clear.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::Result;

use super::certificates;
use super::setting::Setting;
use crate::lab::daemon::Daemon;

/// An ordinary page, and how many bytes it has. It is sent at the speed of a server that is some
/// way off: on a veth pair alone, all of it would have arrived before any classifier had a look.
pub(in crate::lab) const SMALL: (&str, usize) = ("/", 256 * 1024);
/// A page that fits into one packet.
pub(in crate::lab) const TINY: (&str, usize) = ("/tiny", 64);
/// A download that ends only when the client has enough, at a server's pace: bytes a second.
pub(in crate::lab) const STREAM: (&str, u64) = ("/stream", 4 * 1024 * 1024);
/// The same, as fast as it goes.
pub(in crate::lab) const ENDLESS: &str = "/endless";
/// More than anybody waits for. On the disk it takes no room.
const ENDLESS_SIZE: u64 = 1 << 40;
/// A download, as fast as it goes.
pub(in crate::lab) const LARGE: (&str, usize) = ("/large", 16 * 1024 * 1024);

pub(super) fn start(setting: &Setting) -> Result<Daemon> {
    let (folder, pages) = (setting.folder, setting.folder.join("pages"));
    fs::create_dir(&pages)?;
    for (name, (_, size)) in [("small", SMALL), ("tiny", TINY), ("large", LARGE)] {
        fs::write(pages.join(name), vec![b'x'; size])?;
    }
    for name in ["stream", "endless"] {
        fs::File::create(pages.join(name))?.set_len(ENDLESS_SIZE)?;
    }
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration(folder, setting.names))?;
    let (prefix, file) = (folder.display().to_string(), file.display().to_string());
    let program = ["nginx", "-p", &prefix, "-c", &file, "-e", "stderr"];
    Daemon::start("nginx", setting.server, &program, folder, Stdio::null())
}

fn configuration(folder: &Path, names: &[&str]) -> String {
    let folder_shown = folder.display();
    let mut text = format!(
        "daemon off;
user root;
worker_processes 1;
pid {folder_shown}/nginx.pid;
error_log stderr;
events {{ }}
http {{
  access_log {folder_shown}/access.log;
  default_type text/html;
  sendfile on;
"
    );
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(text, "  {kind}_temp_path {folder_shown}/{kind};");
    }
    for name in names {
        let (key, certificate) = certificates::files(folder, name);
        let _ = write!(
            text,
            "  server {{
    listen 80; listen [::]:80; listen 443 ssl; listen [::]:443 ssl;
    server_name {name};
    ssl_certificate {};
    ssl_certificate_key {};
    root {folder_shown}/pages;
    location = / {{ rewrite ^ /small; }}
    location = /small {{ limit_rate 1m; sendfile off; output_buffers 1 8k; }}
    location = {} {{ limit_rate {}; }}
  }}
",
            certificate.display(),
            key.display(),
            STREAM.0,
            STREAM.1,
        );
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::configuration;
    use std::path::Path;

    #[test]
    fn every_name_is_a_server_with_its_certificate() {
        let text = configuration(Path::new("/tmp/lab"), &["www.example.org", "www.example.net"]);
        assert_eq!(text.matches("server_name ").count(), 2);
        assert!(text.contains("ssl_certificate /tmp/lab/www.example.net.pem;"), "{text}");
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}
