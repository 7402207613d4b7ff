//! Records of an interface.

use ndpi_events::{Attached, Interface, Status, Time};
use ndpi_text::clean;

use crate::interfaces::Event;

/// What happened to an interface at `time`; `attached` says how the programs are on it, where they are.
pub fn interface_event(time: Time, event: &Event, attached: Option<Attached>) -> Status {
    let interface = Interface {
        time,
        iface: clean(event.name()).into_owned(),
        ifindex: event.index(),
        why: event.why().map(Into::into),
        text: clean(&event.to_string()).into_owned(),
        attached,
    };
    match event {
        Event::Attached { .. } | Event::Returned { .. } => Status::Attached(interface),
        Event::Renamed { .. } => Status::Renamed(interface),
        Event::Gone { .. }
        | Event::Moved { .. }
        | Event::TakenOff { .. }
        | Event::Refused { .. } => Status::Detached(interface),
    }
}
