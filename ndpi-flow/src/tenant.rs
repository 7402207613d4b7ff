//! Tenants: whose packets a tunnel carries.
//!
//! Networks that share tunnels may use the same addresses, so the numbers in the tunnels' headers are
//! part of what a flow inside is. Most are the same in both directions; those of GTP-U are chosen by
//! each receiver, and NVGRE's low byte by each sender, so the other direction's is learned.

use ndpi_common::Direction;
use ndpi_common::parse::MAX_DEPTH;

/// What one tunnel's header says of whose packet it carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TenantId {
    /// Nothing.
    #[default]
    None,
    /// The VXLAN network identifier, 24 bits (RFC 7348).
    Vxlan(u32),
    /// The virtual network identifier of Geneve, 24 bits (RFC 8926).
    Geneve(u32),
    /// The key of GRE (RFC 2890).
    GreKey(u32),
    /// The key of NVGRE (RFC 7637): the virtual subnet, 24 bits, and a number of the flow.
    Nvgre(u32),
    /// The tunnel endpoint identifier of GTP-U (3GPP TS 29.281), which the receiver chose.
    Teid(u32),
}

impl TenantId {
    /// What both directions of a flow have in common.
    fn shared(self) -> Self {
        match self {
            Self::Nvgre(key) => Self::Nvgre(key & !0xff),
            Self::Teid(_) => Self::Teid(0),
            other => other,
        }
    }
}

/// What the tunnels around a packet say, the outermost first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tenant([TenantId; MAX_DEPTH as usize]);

impl Tenant {
    /// The tenant in tunnels that say this, the outermost first.
    pub fn new(ids: [TenantId; MAX_DEPTH as usize]) -> Self {
        Self(ids)
    }

    /// Whether no tunnel says anything, or there is none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    fn shared(self) -> Self {
        Self(self.0.map(TenantId::shared))
    }
}

/// The tenants of a flow's two directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenants {
    /// Of the packet that opened the flow.
    pub first: Tenant,
    /// Which way that went.
    direction: Direction,
    /// Of the other direction, once a packet of it was seen.
    pub back: Option<Tenant>,
}

/// How well a packet's tenant fits a flow's, the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// It is the direction's own, or may become it: nothing speaks against it.
    Open,
    /// The direction has none yet, and the other has the same.
    Symmetric,
    /// It is the direction's own.
    Exact,
}

impl Tenants {
    /// Of a flow that a packet with this tenant opens; `None` where that has none.
    pub(crate) fn of(tenant: Tenant, direction: Direction) -> Option<Box<Self>> {
        (!tenant.is_none()).then(|| Box::new(Self { first: tenant, direction, back: None }))
    }

    /// How well a packet fits; `None` where it is of another tenant.
    pub(crate) fn fit(&self, tenant: Tenant, direction: Direction) -> Option<Fit> {
        if direction == self.direction {
            return (tenant == self.first).then_some(Fit::Exact);
        }
        match self.back {
            Some(back) => (tenant == back).then_some(Fit::Exact),
            None if tenant == self.first => Some(Fit::Symmetric),
            None => (tenant.shared() == self.first.shared()).then_some(Fit::Open),
        }
    }

    /// Notes the tenant of a packet that fits.
    pub(crate) fn note(&mut self, tenant: Tenant, direction: Direction) {
        if direction != self.direction {
            self.back.get_or_insert(tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::Direction::{FromLower, FromUpper};

    use super::{Fit, Tenant, TenantId, Tenants};

    fn of(id: TenantId) -> Tenant {
        Tenant::new([id, TenantId::None])
    }

    fn flow(id: TenantId) -> Tenants {
        *Tenants::of(of(id), FromLower).unwrap()
    }

    #[test]
    fn a_network_has_one_number() {
        let flow = flow(TenantId::Vxlan(7));
        assert_eq!(flow.fit(of(TenantId::Vxlan(7)), FromLower), Some(Fit::Exact));
        assert_eq!(flow.fit(of(TenantId::Vxlan(7)), FromUpper), Some(Fit::Symmetric));
        for other in [TenantId::Vxlan(8), TenantId::Geneve(7), TenantId::None] {
            assert_eq!(flow.fit(of(other), FromLower), None);
            assert_eq!(flow.fit(of(other), FromUpper), None);
        }
        assert_eq!(Tenants::of(Tenant::default(), FromLower), None);
    }

    #[test]
    fn what_the_receiver_chose_is_learned() {
        let mut flow = flow(TenantId::Teid(1));
        assert_eq!(flow.fit(of(TenantId::Teid(2)), FromLower), None);
        assert_eq!(flow.fit(of(TenantId::Teid(2)), FromUpper), Some(Fit::Open));
        flow.note(of(TenantId::Teid(2)), FromUpper);
        assert_eq!(flow.fit(of(TenantId::Teid(2)), FromUpper), Some(Fit::Exact));
        assert_eq!(flow.fit(of(TenantId::Teid(3)), FromUpper), None);
        assert_eq!(flow.fit(of(TenantId::Teid(1)), FromLower), Some(Fit::Exact));
    }

    #[test]
    fn a_virtual_subnet_has_the_same_number_in_both_directions() {
        let flow = flow(TenantId::Nvgre(0x1234_5601));
        assert_eq!(flow.fit(of(TenantId::Nvgre(0x1234_5602)), FromUpper), Some(Fit::Open));
        assert_eq!(flow.fit(of(TenantId::Nvgre(0x1234_5702)), FromUpper), None);
    }

    #[test]
    fn both_tunnels_count() {
        let nested = |outer| Tenant::new([TenantId::GreKey(outer), TenantId::Vxlan(7)]);
        let flow = *Tenants::of(nested(1), FromLower).unwrap();
        assert_eq!(flow.fit(nested(2), FromLower), None);
        assert_eq!(flow.fit(nested(2), FromUpper), None);
    }
}
