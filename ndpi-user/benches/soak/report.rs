//! A report of what held over all rounds, and what did not.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::clients::Talk;
use crate::program::Said;
use crate::round::{A_MINUTE, Done};

/// The longest that 99 of 100 good flows may take to their verdict, in microseconds.
const LONGEST: u64 = 50_000;

/// How much more memory the last third of the time may take than the second: what is not given back grows.
const GROWTH: u64 = 5;

/// All rounds so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    json: bool,
    /// Exchanges that are allowed, and those of them that came to their end; the same of those that are to be blocked.
    allowed: [usize; 2],
    blocked: [usize; 2],
    /// Exchanges that went otherwise than they should, with the number of their round.
    failed: Vec<(u32, Talk)>,
    flooded: u64,
    /// Bytes, after each round.
    memory: Vec<u64>,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, ..Self::default() }
    }

    pub(crate) fn add(&mut self, number: u32, done: &Done, memory: u64) {
        for talk in &done.talks {
            let counts = if talk.is_blocked { &mut self.blocked } else { &mut self.allowed };
            counts[0] += 1;
            counts[1] += usize::from(talk.is_complete);
            if talk.is_blocked == talk.is_complete {
                self.failed.push((number, *talk));
            }
        }
        self.flooded += done.flooded.packets;
        self.memory.push(memory);
        if !self.json && (number + 1).is_multiple_of(A_MINUTE) {
            let [[allowed, complete], [blocked, leaked]] = [self.allowed, self.blocked];
            println!(
                "{:>3} min: {complete} of {allowed} allowed exchanges came to their end, {leaked} of {blocked} blocked \
                 ones; {} packets of floods; {} MiB",
                (number + 1) / A_MINUTE,
                self.flooded,
                memory >> 20
            );
        }
    }

    /// Exchanges that went otherwise than they should, a line each, and behind it what was `said` of flows from the
    /// same port.
    pub(crate) fn failures(&self, said: Option<&Said>) -> String {
        let mut text = said.map_or_else(String::new, |said| format!("{}\n", said.stopped));
        for (round, Talk { port, is_blocked, answers, took, .. }) in &self.failed {
            let what = if *is_blocked { "blocked" } else { "allowed" };
            let _ = writeln!(
                text,
                "{what}, round {round}, port {port}: {answers} of 2 answers in {took:?}"
            );
            for record in said.and_then(|said| said.records.get(port)).into_iter().flatten() {
                let _ = writeln!(text, "    {record}");
            }
        }
        text
    }

    /// Prints the end of it, with what was `said` of it, where there was a program; whether all held.
    pub(crate) fn end(&self, said: Option<&Said>) -> bool {
        let Some(said) = said else { return self.allowed[0] == self.allowed[1] };
        let mut latencies: Vec<_> = said.latencies.values().copied().collect();
        latencies.sort_unstable();
        let [p50, p99, longest] = [500, 990, 1000].map(|share| at(&latencies, share));
        let number = |what: &str| said.stopped[what].as_u64().unwrap_or_default();
        let decided = ["passed", "dropped", "redirected"].map(number);
        let memory = self.thirds();
        let held = [
            ("no allowed exchange fails", self.allowed[0] == self.allowed[1]),
            ("99 of 100 verdicts within 50 ms", p99 <= LONGEST && !latencies.is_empty()),
            ("every packet is counted once", number("seen") == decided.iter().sum::<u64>()),
            ("memory stays", memory[2] <= memory[1] + memory[1] * GROWTH / 100),
        ];
        if self.json {
            let held =
                Value::from(held.map(|(what, held)| json!({"what": what, "held": held})).to_vec());
            println!("{}", self.line([p50, p99, longest], memory, &said.stopped, &held));
        } else {
            println!(
                "verdicts on good flows: median {p50} µs, 99 % {p99} µs, longest {longest} µs"
            );
            println!(
                "{} packets seen, {} passed, {} dropped; most memory by thirds: {:?} MiB",
                number("seen"),
                decided[0],
                decided[1],
                memory.map(|bytes| bytes >> 20)
            );
            for (what, held) in held {
                println!("{}: {what}", if held { "holds" } else { "DOES NOT HOLD" });
            }
        }
        held.iter().all(|(_, held)| *held)
    }

    fn line(
        &self,
        [p50, p99, longest]: [u64; 3],
        memory: [u64; 3],
        stopped: &Value,
        held: &Value,
    ) -> Value {
        json!({
            "allowed": self.allowed[0], "allowed_complete": self.allowed[1],
            "blocked": self.blocked[0], "blocked_complete": self.blocked[1],
            "flood_packets": self.flooded,
            "latency": {"p50_us": p50, "p99_us": p99, "max_us": longest},
            "memory": memory, "seen": stopped["seen"], "left_out": stopped["left_out"],
            "held": held,
        })
    }

    /// The most memory in each third of the time.
    fn thirds(&self) -> [u64; 3] {
        let rounds = self.memory.len();
        [0, 1, 2].map(|third| {
            let part = &self.memory[rounds * third / 3..rounds * (third + 1) / 3];
            part.iter().copied().max().unwrap_or_default()
        })
    }
}

/// What so many thousandths of the sorted values are not above.
fn at(sorted: &[u64], thousandths: usize) -> u64 {
    let rank = (sorted.len() * thousandths).div_ceil(1000).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}
