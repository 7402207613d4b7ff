//! Tunnels, as records tell of them by a flow's key.

use ndpi_common::TenantKind;
use ndpi_events::Tunnel;
use ndpi_flow::FlowKey;

/// What the key says of the tunnels that a flow is inside of; `None` where they say nothing of whose it is.
pub fn tunnel_of(key: &FlowKey) -> Option<Tunnel> {
    let [outermost, second] = key.tenant()?.numbered();
    let (innermost, outer) = if key.tunnel() > 1 { (second, outermost) } else { (outermost, None) };
    Some(Tunnel {
        kind: innermost.map(|(kind, _)| kind_name(kind).into()),
        tenant: innermost.map(|(_, number)| number),
        outer_tenant: outer.map(|(_, number)| number),
        src: None,
        dst: None,
    })
}

/// The name of the tunnels whose headers have such a number, as in captures.
fn kind_name(kind: TenantKind) -> &'static str {
    match kind {
        TenantKind::None => "",
        TenantKind::Vxlan => "vxlan",
        TenantKind::Geneve => "geneve",
        TenantKind::GreKey => "gre",
        TenantKind::Nvgre => "nvgre",
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::{Key, KeyV4, TenantIds, TenantKind};
    use serde_json::json;

    use super::tunnel_of;

    fn said(depth: u8, tenant: TenantIds) -> serde_json::Value {
        let (key, _) = KeyV4::new(([198, 18, 0, 1], 5), ([198, 18, 0, 2], 53), 0, 17);
        let key = Key::of_tenant(&Key::V4(KeyV4 { tunnel: depth, ..key }), tenant);
        serde_json::to_value(tunnel_of(&key)).unwrap()
    }

    #[test]
    fn a_tunnel_says_whose_the_flow_is() {
        let vni = TenantIds::NONE.with(0, (TenantKind::Vxlan, 7));
        assert_eq!(said(1, vni), json!({"kind": "vxlan", "tenant": 7}));
        let both = vni.with(1, (TenantKind::GreKey, 0));
        assert_eq!(said(2, both), json!({"kind": "gre", "tenant": 0, "outer_tenant": 7}));
        // What is within says nothing, as IP in IP does.
        assert_eq!(said(2, vni), json!({"outer_tenant": 7}));
        assert_eq!(said(1, TenantIds::NONE), json!(null));
    }
}
