//! The hosts that a client asked for.

/// Hosts, each once in a row.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Those that nobody took notice of yet.
    hosts: Vec<Box<str>>,
    last: Option<Box<str>>,
}

impl Asked {
    pub(super) fn add(&mut self, hosts: Vec<Box<str>>) {
        for host in hosts {
            if self.last.as_ref() != Some(&host) {
                self.last = Some(host.clone());
                self.hosts.push(host);
            }
        }
    }

    /// Those since the last call.
    pub(super) fn take(&mut self) -> Vec<Box<str>> {
        std::mem::take(&mut self.hosts)
    }

    /// Somebody else knows the first one.
    pub(super) fn leave_first(&mut self) {
        if !self.hosts.is_empty() {
            self.hosts.remove(0);
        }
    }
}
