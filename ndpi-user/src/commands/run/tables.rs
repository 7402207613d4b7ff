//! The options of `run` on what its tables have room for.

use std::num::NonZeroU32;

use clap::Args;
use ipnet::IpNet;
use ndpi_flow::Shares;

use super::super::network::network;

/// How large the tables are, and how much of them one client may have.
#[derive(Args, Clone, Debug)]
pub(super) struct TableOptions {
    /// Maximum flows at a time: entries of each verdict map, and flows in user space
    #[arg(long, value_name = "FLOWS", default_value = "262144")]
    max_flows: NonZeroU32,

    /// Maximum undecided flows that the kernel tracks, for each address family
    #[arg(long, value_name = "FLOWS", default_value = "131072")]
    max_undecided: NonZeroU32,

    /// Maximum decided flows that are remembered after they were evicted, so that their next packet
    /// restores the verdict: about 230 bytes each, allocated when needed [default: as --max-flows]
    #[arg(long, value_name = "FLOWS")]
    max_notes: Option<u32>,

    /// Share of --max-undecided and --max-flows that one client (an IPv4 address or an IPv6 /64) may use
    /// for undecided and for blocked flows: 8 is an eighth, 1 is all. Beyond it, its own oldest flows are
    /// evicted
    #[arg(long, value_name = "PART", default_value = "8")]
    client_share: NonZeroU32,

    /// Address or network without a client share: NAT gateways, with many hosts behind one address, and
    /// resolvers. May be given several times
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    exempt_client: Vec<IpNet>,
}

impl TableOptions {
    /// Entries of the verdict map of each family: a place for each that a worker has room for.
    pub(super) fn verdicts(&self, workers: usize) -> u32 {
        self.max_flows.get().max(u32::try_from(workers).unwrap_or(u32::MAX))
    }

    /// Entries of the tracks of each family.
    pub(super) fn tracks(&self) -> u32 {
        self.max_undecided.get()
    }

    /// Flows that one of so many workers has room for. Together they never have more than a verdict map.
    pub(super) fn flows(&self, workers: usize) -> usize {
        each(self.max_flows.get(), workers)
    }

    /// Notes that one of so many workers keeps.
    pub(super) fn notes(&self, workers: usize) -> usize {
        match self.max_notes {
            Some(0) => 0,
            notes => each(notes.unwrap_or(self.max_flows.get()), workers),
        }
    }

    /// What one client may have at one of so many workers, over which its flows are spread.
    pub(super) fn shares(&self, workers: usize) -> Shares {
        let exempt = self.exempt_client.clone().into();
        let part = match self.client_share.get() {
            1 => return Shares { exempt, ..Shares::default() },
            part => part,
        };
        let of = |entries: u32| each(entries / part, workers);
        Shares {
            undecided: of(self.max_undecided.get()),
            blocked: of(self.max_flows.get()),
            noted: of(self.max_notes.unwrap_or(self.max_flows.get())),
            exempt,
        }
    }
}

/// What one of so many workers gets of `entries`; at least one.
fn each(entries: u32, workers: usize) -> usize {
    (usize::try_from(entries).unwrap_or(usize::MAX) / workers.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        tables: TableOptions,
    }

    fn tables(words: &str) -> TableOptions {
        let words = format!("run {words}");
        Program::try_parse_from(words.split_whitespace()).unwrap().tables
    }

    #[test]
    fn workers_have_no_more_room_than_the_maps() {
        for (flows, workers) in [(1, 4), (7, 2), (262_144, 3), (9, 9)] {
            let tables = tables(&format!("--max-flows {flows}"));
            let places = tables.flows(workers) * workers;
            assert!(places <= usize::try_from(tables.verdicts(workers)).unwrap());
        }
    }

    #[test]
    fn a_client_has_an_eighth_unless_told_otherwise() {
        let usual = tables("").shares(2);
        assert_eq!((usual.undecided, usual.blocked), (131_072 / 8 / 2, 262_144 / 8 / 2));
        assert_eq!(tables("--client-share 4 --max-flows 80").shares(1).blocked, 20);
        assert_eq!(tables("--client-share 1").shares(2), Shares::default());
        let exempt =
            tables("--exempt-client 198.18.0.1 --exempt-client 2001:db8::/32").shares(1).exempt;
        assert_eq!(exempt.iter().map(IpNet::prefix_len).collect::<Vec<_>>(), [32, 32]);
    }

    #[test]
    fn there_are_as_many_notes_as_flows_unless_told_otherwise() {
        assert_eq!(tables("--max-flows 80").notes(2), 40);
        assert_eq!((tables("--max-notes 0").notes(2), tables("--max-notes 1").notes(2)), (0, 1));
    }
}
