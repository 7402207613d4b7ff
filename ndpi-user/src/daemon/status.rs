//! The state of the session and its interfaces, as records have it.

use ndpi::Library;
use ndpi_common::Switches;
use ndpi_events::{Attached, Event as Reported, Running, Source, Status, Time};
use ndpi_kernel::{Attachment, Egress, Mode};
use ndpi_text::shown;

use super::options::Options;
use super::peers;
use crate::interfaces::Event;
use crate::record::interface_event;
use crate::snapshot::Facts;

impl Options {
    /// The session that has started.
    pub(super) fn status(&self, library: &Library, attachments: &[Attachment]) -> Status {
        Status::Running(Running {
            time: Time::now(),
            version: env!("CARGO_PKG_VERSION").into(),
            ndpi: library.revision(),
            policy: self.policy.as_ref().map(|path| shown(path).to_string()),
            instance: Some(self.instance.clone()),
            dry_run: self.is_dry_run(),
            attached: attachments.iter().map(|it| self.attached(it)).collect(),
        })
    }

    /// What of it does not change, for snapshots.
    pub(super) fn facts(&self, library: &Library) -> Facts {
        let all = |each: usize| (each * self.workers) as u64;
        Facts {
            ndpi: library.revision(),
            policy: self.policy.as_ref().map(|path| shown(path).to_string()),
            dry_run: self.is_dry_run(),
            verdicts: self.load.verdicts.max(1).into(),
            opens_tunnels: self.load.switches & Switches::TUNNELS != 0,
            flows: all(self.plan.settings.max_flows),
            notes: all(self.plan.notes),
        }
    }

    /// Reports what happened to an interface.
    pub(super) fn note(&self, event: &Event, source: &mut Source) {
        let attached = match event {
            Event::Attached { attachment, .. } => Some(self.attached(attachment)),
            _ => None,
        };
        let now = Time::now();
        source.publish(now, Reported::Status(interface_event(now, event, attached)));
    }

    /// How the programs are on an interface, for records.
    fn attached(&self, attachment: &Attachment) -> Attached {
        let Attachment { interface, index, ingress, egress, .. } = attachment;
        let ingress = ingress.map(|mode| match mode {
            Mode::Generic => "xdp-generic".into(),
            _ => "xdp-native".into(),
        });
        let egress = if *egress == Some(Egress::Clsact) { "clsact" } else { "tcx" };
        let peer = peers::peer_of(interface, &self.interfaces.pairs).map(str::to_owned);
        Attached { iface: interface.clone(), ifindex: *index, ingress, egress: egress.into(), peer }
    }
}
