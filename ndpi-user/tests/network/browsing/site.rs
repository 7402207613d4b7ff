//! nginx behind a router that is watched, with pages of several sites.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use testkit::interface::{self, Feature};
use testkit::namespace::Namespace;
use testkit::pair::{NEAR, Pair};
use testkit::wait_until;

/// Its address.
pub(super) const SERVER: &str = "198.18.8.2";
/// The router's, on its side.
const GATEWAY: &str = "198.18.8.1";
/// Where the server speaks HTTP/2 without TLS, and nothing else.
pub(super) const H2C: u16 = 8080;
/// Bytes of each page. It takes a second: what a verdict stops, one sees.
pub(super) const PAGE: usize = 200_000;
pub(super) const BLOCKED: &str = "www.facebook.com";
pub(super) const ALLOWED: &str = "www.example.com";

/// What the page of a site is made of: another byte for each.
pub(super) fn byte_of(site: &str) -> u8 {
    match site {
        BLOCKED => b'B',
        ALLOWED => b'A',
        _ => b'O',
    }
}

/// The far end is the client's, the near one the router's, and behind it is the server.
pub(super) struct Site {
    pub(super) pair: Pair,
    server: Namespace,
    nginx: Child,
}

impl Site {
    /// Starts it, with all offloads on or off.
    pub(super) fn new(offloads: bool) -> Self {
        let pair = Pair::new();
        let server = pair.sandbox.beside();
        server.set("ipv6/conf/all/disable_ipv6", "1").unwrap();
        // Data in a SYN is sent and taken without a cookie, by all sockets.
        server.set("ipv4/tcp_fastopen", "1543").unwrap();
        pair.far_set("ipv4/tcp_fastopen", "5");
        let near = &pair.sandbox.network;
        near.set("ipv4/ip_forward", "1").unwrap();
        near.ip(&format!("link add inner type veth peer name outer netns {}", server.name()))
            .unwrap();
        near.ip(&format!("address add {GATEWAY}/30 dev inner")).unwrap();
        near.ip("link set inner up").unwrap();
        server.ip(&format!("address add {SERVER}/30 dev outer")).unwrap();
        server.ip("link set outer up").unwrap();
        server.ip(&format!("route add 198.18.7.0/30 via {GATEWAY}")).unwrap();
        pair.far_ip(&format!("route add 198.18.8.0/30 via {NEAR}"));
        pair.near(|| ["left", "inner"].iter().for_each(|it| set_offloads(it, offloads)));
        pair.far(|| set_offloads("right", offloads));
        server.inside(|| set_offloads("outer", offloads)).unwrap();
        let nginx = start(&server, pair.sandbox.folder());
        for port in [80, 443] {
            wait_until(|| pair.far(|| TcpStream::connect((SERVER, port)).is_ok()));
        }
        Self { pair, server, nginx }
    }

    /// A command where the server is.
    pub(super) fn server_command(&self, program: &str) -> Command {
        self.server.command(program)
    }

    /// Whether no connection of the client is open or being closed.
    pub(super) fn is_quiet(&self) -> bool {
        const TIME_WAIT: &str = "06";
        let sockets = self.pair.far(|| fs::read_to_string("/proc/thread-self/net/tcp").unwrap());
        sockets.lines().skip(1).all(|it| it.split_whitespace().nth(3) == Some(TIME_WAIT))
    }
}

impl Site {
    /// What `task` returns when it runs beside the server.
    pub(super) fn beside<T: Send>(&self, task: impl FnOnce() -> T + Send) -> T {
        self.server.inside(task).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // It ends with its namespace, or has ended.
        let _ = self.server.remove();
        let _ = self.nginx.wait();
    }
}

fn set_offloads(interface: &str, on: bool) {
    for feature in [Feature::TransmitChecksum, Feature::Segmentation, Feature::ReceiveOffload] {
        interface::switch(interface, feature, on).unwrap();
    }
}

fn start(server: &Namespace, folder: &Path) -> Child {
    let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-subj", "/CN=test", "-days", "2", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success(), "openssl made no certificate");
    for site in [BLOCKED, ALLOWED, "_"] {
        fs::create_dir(folder.join(site)).unwrap();
        fs::write(folder.join(site).join("page"), vec![byte_of(site); PAGE]).unwrap();
    }
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration(folder)).unwrap();
    let mut command = server.command("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(file).args(["-e", "stderr"]);
    command.stdin(Stdio::null()).stderr(fs::File::create(folder.join("nginx.log")).unwrap());
    command.spawn().unwrap()
}

fn configuration(folder: &Path) -> String {
    let here = folder.display();
    let sites = [("_", " default_server"), (BLOCKED, ""), (ALLOWED, "")].map(|(site, which)| {
        format!(
            "server {{ listen 80{which}; listen 443 ssl{which}; listen {H2C} http2{which}; server_name {site};
  ssl_certificate {here}/certificate.pem; ssl_certificate_key {here}/key.pem;
  location / {{ rewrite ^ /page break; root {here}/{site}; }} }}\n"
        )
    });
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {here}/{kind};\n"));
    format!(
        "daemon off; user root; worker_processes 1; pid {here}/nginx.pid; error_log stderr;
events {{ }}
http {{ log_format brief '$host $status $body_bytes_sent'; access_log {here}/access.log brief; limit_rate_after 20k; limit_rate 200k;
{}{} }}\n",
        folders.concat(),
        sites.concat()
    )
}
