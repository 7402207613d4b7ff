//! Parts of the result beyond the classification.

use ndpi_sys::constants::MAX_RISK;
use ndpi_sys::flow as field;
use ndpi_sys::types::{FirstPacket as RawFirstPacket, ProtocolStack, STACK_DEPTH};

use super::Flow;
use crate::{AppId, Risks};

/// The protocols of a flow from the lowest layer up, by number (`struct ndpi_proto_stack`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    protocols: [u16; STACK_DEPTH],
    depth: usize,
}

impl Stack {
    /// The numbers, the lowest layer first.
    pub fn protocols(&self) -> &[u16] {
        &self.protocols[..self.depth]
    }

    pub(crate) fn raw(self) -> ProtocolStack {
        let count = u16::try_from(self.depth).expect("a handful");
        ProtocolStack { protocols: self.protocols, count }
    }
}

/// What the first packet of a flow alone said, before its content was looked at
/// (`struct ndpi_fpc_info`); the setting is `fpc`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstPacket {
    /// Master and application protocol.
    pub app: AppId,
    /// How that was found.
    pub confidence: FirstPacketConfidence,
}

/// How the first packet was recognized (`ndpi_fpc_confidence_t`).
#[doc(alias = "ndpi_fpc_confidence_t")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FirstPacketConfidence {
    /// It was not.
    #[default]
    Unknown,
    /// By the server's address.
    Address,
    /// By a DNS answer that was seen before, which gave the server's address for a name.
    Dns,
    /// By its content.
    Dpi,
    /// By a rule of one's own.
    CustomRule,
}

impl FirstPacketConfidence {
    /// All of them, in the order of the library's numbers.
    pub const ALL: [Self; 5] =
        [Self::Unknown, Self::Address, Self::Dns, Self::Dpi, Self::CustomRule];

    /// nDPI's name for it (`ndpi_fpc_confidence_get_name`).
    #[doc(alias = "ndpi_fpc_confidence_get_name")]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Address => "IP address",
            Self::Dns => "DNS",
            Self::Dpi => "DPI",
            Self::CustomRule => "Match by custom rule",
        }
    }
}

impl<E: crate::HoldsEngine> Flow<E> {
    /// What the first packet alone said (`fpc`).
    pub fn fpc(&self) -> FirstPacket {
        let RawFirstPacket { protocol, confidence } = self.read(field::FIRST_PACKET);
        let known = usize::try_from(confidence).ok();
        let known = known.and_then(|index| FirstPacketConfidence::ALL.get(index));
        FirstPacket {
            app: self.engine.public_app(protocol),
            confidence: known.copied().unwrap_or_default(),
        }
    }

    /// All protocols of the flow from the lowest layer up (`protocol_stack`).
    pub fn stack(&self) -> Stack {
        let ProtocolStack { protocols, count } = self.read(field::STACK);
        let depth = usize::from(count).min(STACK_DEPTH);
        Stack { protocols: protocols.map(|index| self.engine.public_id(index)), depth }
    }

    /// The protocol that the addresses alone would give; 0 where there is none
    /// (`guessed_protocol_id_by_ip`).
    pub fn protocol_by_ip(&self) -> u16 {
        self.engine.public_id(self.read(field::GUESSED_BY_IP))
    }

    /// Whether the dissection was [given up](Flow::give_up), by the caller or at the packet limit
    /// (`already_gaveup`).
    pub fn gave_up(&self) -> bool {
        self.read(field::GIVEUP_BITS) & field::GAVE_UP != 0
    }

    /// Adds risks that the caller knows of (`ndpi_set_risk`). Risks that the configuration masks
    /// out stay out.
    #[doc(alias = "ndpi_set_risk")]
    pub fn add_risks(&mut self, risks: Risks) {
        for risk in known(risks) {
            // SAFETY: the engine is on this thread, the flow its own and borrowed exclusively, the
            // risk one that the library has; there is no text to go with it.
            unsafe {
                (self.functions().set_risk)(
                    self.engine.module(),
                    self.pointer.as_ptr(),
                    risk,
                    std::ptr::null_mut(),
                );
            }
        }
    }

    /// Takes risks back that the caller knows better of, such as "Unidirectional Traffic" of a
    /// flow that was only seen for one packet (`ndpi_unset_risk`).
    #[doc(alias = "ndpi_unset_risk")]
    pub fn remove_risks(&mut self, risks: Risks) {
        for risk in known(risks) {
            // SAFETY: as for `add_risks`.
            unsafe {
                (self.functions().unset_risk)(self.engine.module(), self.pointer.as_ptr(), risk);
            }
        }
    }

    /// Applies the masks of the configuration for host names and addresses, and says which risks
    /// are left (`ndpi_handle_risk_exceptions`). nDPI itself does so only now and then, so that a
    /// masked risk can still be in a [`Classification`](crate::Classification).
    #[doc(alias = "ndpi_handle_risk_exceptions")]
    pub fn mask_risks(&mut self) -> Risks {
        // SAFETY: the engine is on this thread, the flow its own and borrowed exclusively.
        unsafe {
            (self.functions().handle_risk_exceptions)(self.engine.module(), self.pointer.as_ptr());
        }
        Risks(self.read(field::RISKS))
    }
}

/// The numbers of those risks in a set that the library has.
fn known(risks: Risks) -> impl Iterator<Item = u32> {
    risks.iter().filter(|risk| (1..MAX_RISK).contains(risk)).map(u32::from)
}
