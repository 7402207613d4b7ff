//! Networks on the command line.

use ipnet::IpNet;

/// An address, or a network with its prefix length.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let network =
        text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
    network.map_err(|_| "an address or a network is needed here, such as 198.18.0.0/24".to_owned())
}
