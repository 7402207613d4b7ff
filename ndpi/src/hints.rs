//! Hints: facts about a packet that the caller knows and nDPI would have to find out.

use ndpi_sys::constants::{
    BEGINNING_NOT_SEEN, BEGINNING_SEEN, BEGINNING_UNKNOWN, DIRECTION_TO_CLIENT,
    DIRECTION_TO_SERVER, DIRECTION_UNKNOWN,
};
use ndpi_sys::types::InputInfo;

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client, who began the flow, to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// What is known of a packet (`struct ndpi_flow_input_info`). `Hints::default()` knows nothing, and
/// nDPI then takes the first packet for the client's unless its ports say otherwise.
///
/// A wrong direction is worse than none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Which way the packet goes.
    pub direction: Option<Direction>,
    /// Whether the flow was seen from its beginning.
    pub beginning: Option<bool>,
}

impl Hints {
    /// As the library wants it. Made again for each packet, since the library writes the direction
    /// that it found back.
    #[inline]
    pub(crate) fn for_library(self) -> InputInfo {
        InputInfo {
            packet_direction: match self.direction {
                None => DIRECTION_UNKNOWN,
                Some(Direction::ToServer) => DIRECTION_TO_SERVER,
                Some(Direction::ToClient) => DIRECTION_TO_CLIENT,
            },
            flow_beginning: match self.beginning {
                None => BEGINNING_UNKNOWN,
                Some(true) => BEGINNING_SEEN,
                Some(false) => BEGINNING_NOT_SEEN,
            },
        }
    }
}
