//! An IPsec tunnel (ESP, RFC 4303) between the ends of the pair, with an interface of its own.

use anyhow::Result;

use super::network::{FAR, NEAR, Network};

/// Ties states and policies to the interface.
const IF_ID: u32 = 42;
/// AES-GCM with a tag of 128 bits (RFC 4106): a key and a salt that protect nothing here.
const CIPHER: &str = "aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128";
/// The security parameter indices, of what the near end sends and of what the far one does.
const SPIS: [u32; 2] = [0x2001, 0x2002];

/// Makes `interface` at both ends.
pub(super) fn connect(network: &Network, interface: &str) -> Result<()> {
    let ends = [(&network.near, "left", NEAR, FAR), (&network.far, "right", FAR, NEAR)];
    for (at, (namespace, under, here, there)) in ends.into_iter().enumerate() {
        namespace.ip(&format!("link add {interface} type xfrm dev {under} if_id {IF_ID}"))?;
        let directions = [("out", here, there, SPIS[at]), ("in", there, here, SPIS[1 - at])];
        for (direction, from, to, spi) in directions {
            let ends = format!("src {from} dst {to} proto esp");
            namespace.ip(&format!(
                "xfrm state add {ends} spi {spi} mode tunnel if_id {IF_ID} {CIPHER}"
            ))?;
            namespace.ip(&format!(
                "xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir {direction} if_id {IF_ID} tmpl {ends} \
                 mode tunnel"
            ))?;
        }
    }
    Ok(())
}
