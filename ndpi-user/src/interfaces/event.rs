//! Events of an interface: enforcement on it begins or ends.

use std::fmt;

use log::Level;

use ndpi_kernel::Attachment;

/// Something happened to an interface that is watched, or is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The programs are on it: for the first time, or again.
    Attached {
        /// What was attached.
        attachment: Attachment,
        /// An interface of this name was watched before.
        again: bool,
    },
    /// It does not exist any more.
    Gone {
        /// Its last name.
        name: String,
        /// Its index.
        index: u32,
    },
    /// It is in another network namespace.
    Moved {
        /// Its last name here.
        name: String,
        /// Its index here.
        index: u32,
    },
    /// It is back from another network namespace, with programs still on it.
    Returned {
        /// Its name.
        name: String,
        /// Its index.
        index: u32,
    },
    /// Somebody took programs off.
    TakenOff {
        /// Its name.
        name: String,
        /// Its index.
        index: u32,
        /// The program at ingress is gone.
        ingress: bool,
        /// The program at egress is gone.
        egress: bool,
    },
    /// Programs could not be attached.
    Refused {
        /// Its name.
        name: String,
        /// Its index.
        index: u32,
        /// Why not.
        why: String,
    },
    /// It has another name now.
    Renamed {
        /// The name of before.
        from: String,
        /// Its name.
        name: String,
        /// Its index.
        index: u32,
    },
}

impl Event {
    /// The interface's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Attached { attachment, .. } => &attachment.interface,
            Self::Gone { name, .. }
            | Self::Moved { name, .. }
            | Self::Returned { name, .. }
            | Self::TakenOff { name, .. }
            | Self::Refused { name, .. }
            | Self::Renamed { name, .. } => name,
        }
    }

    /// The interface's index.
    pub fn index(&self) -> u32 {
        match self {
            Self::Attached { attachment, .. } => attachment.index,
            Self::Gone { index, .. }
            | Self::Moved { index, .. }
            | Self::Returned { index, .. }
            | Self::TakenOff { index, .. }
            | Self::Refused { index, .. }
            | Self::Renamed { index, .. } => *index,
        }
    }

    /// What it is called in `status` records.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Attached { .. } | Self::Returned { .. } => "attached",
            Self::Renamed { .. } => "renamed",
            Self::Gone { .. }
            | Self::Moved { .. }
            | Self::TakenOff { .. }
            | Self::Refused { .. } => "detached",
        }
    }

    /// Why it is detached, in a word.
    pub fn why(&self) -> Option<&'static str> {
        match self {
            Self::Gone { .. } => Some("gone"),
            Self::Moved { .. } => Some("moved"),
            Self::TakenOff { .. } => Some("taken-off"),
            Self::Refused { .. } => Some("refused"),
            Self::Attached { .. } | Self::Returned { .. } | Self::Renamed { .. } => None,
        }
    }

    /// How loudly to say it.
    pub fn level(&self) -> Level {
        if self.state() == "detached" { Level::Warn } else { Level::Info }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attached { attachment, again: false } => write!(f, "attached to {attachment}"),
            Self::Attached { attachment, again: true } => {
                write!(f, "attached again to {attachment}")
            }
            Self::Gone { name, .. } => {
                write!(f, "{name} is gone: nothing is enforced there until it returns")
            }
            Self::Moved { name, .. } => write!(
                f,
                "{name} has moved to another network namespace, where ndpi-xdp does not follow it: \
                 programs that it has by links went with it, but nothing there is watched, and a \
                 filter of clsact is lost"
            ),
            Self::Returned { name, .. } => {
                write!(f, "{name} is back in this network namespace, its programs still on it")
            }
            Self::TakenOff { name, ingress, egress, .. } => {
                let (what, way) = match (ingress, egress) {
                    (true, false) => ("the XDP program was taken", "what comes in"),
                    (false, _) => ("the TC program was taken", "what goes out"),
                    (true, true) => ("the programs were taken", "nothing"),
                };
                let enforced = if *ingress && *egress { "is" } else { "is not" };
                write!(f, "{what} off {name} by somebody else: {way} {enforced} enforced there")
            }
            Self::Refused { name, why, .. } => {
                write!(f, "nothing is enforced on {name}, it is tried again: {why}")
            }
            Self::Renamed { from, name, .. } => {
                write!(f, "{from} is called {name} now; it stays attached")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Event;

    #[test]
    fn what_is_not_enforced_is_said() {
        let off = |ingress, egress| {
            let (name, index) = ("eth0".into(), 2);
            Event::TakenOff { name, index, ingress, egress }.to_string()
        };
        assert!(off(true, true).ends_with("nothing is enforced there"));
        assert!(off(true, false).ends_with("what comes in is not enforced there"));
        assert!(off(false, true).ends_with("what goes out is not enforced there"));
    }
}
