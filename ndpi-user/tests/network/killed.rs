//! An instance of which anything is killed at any moment: nothing that is decided changes by that.

use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use testkit::environment::variable;
use testkit::instance::Instance;
use testkit::pair::{NEAR, Pair};
use testkit::program::{PROGRAMS, binary};
use testkit::sandbox::Sandbox;
use testkit::wait_until;
use testkit::wire;

use crate::family::{Family, is_there};
use crate::outlive::{BLOCKED, FREE, assert_clean, command, decided, entry};
use crate::ready;
use crate::status::status;

/// Who is killed, in turn.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Worker,
    Session,
    Keeper,
    Policies,
    All,
    Spare,
    PoliciesSpare,
}

const VICTIMS: [Victim; 7] = [
    Victim::Worker,
    Victim::Session,
    Victim::Keeper,
    Victim::Policies,
    Victim::All,
    Victim::Spare,
    Victim::PoliciesSpare,
];

/// Rounds of being killed: `NDPI_ROUNDS`, by default one for each victim.
fn rounds() -> usize {
    let rounds = variable("NDPI_ROUNDS").and_then(|rounds| rounds.to_str()?.parse().ok());
    rounds.unwrap_or(VICTIMS.len())
}

/// Moments that are the same in each run, and like no other.
struct Moments(u64);

impl Moments {
    fn next(&mut self, within: Duration) -> Duration {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (self.0 >> 33) % 1000;
        within * u32::try_from(share).unwrap() / 1000
    }
}

/// A connection that is used all the time.
pub(crate) struct Exchange {
    client: TcpStream,
    server: TcpStream,
}

impl Exchange {
    pub(crate) fn new(pair: &Pair) -> Self {
        let listener = pair.near(|| TcpListener::bind((NEAR, 0)).unwrap());
        let to = listener.local_addr().unwrap();
        let client = pair.far(|| TcpStream::connect(to).unwrap());
        let (server, _) = listener.accept().unwrap();
        for end in [&client, &server] {
            end.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        }
        Self { client, server }
    }

    /// There and back.
    pub(crate) fn go(&mut self, number: u64) {
        wire::send(&mut self.client, &mut self.server, &number.to_be_bytes());
        wire::send(&mut self.server, &mut self.client, &number.to_be_bytes());
    }
}

fn kill(process: Pid) {
    kill_process(process, Signal::KILL).unwrap();
}

/// Kills the session, and the next one while it starts and takes over; then starts another.
fn kill_session(sandbox: &Sandbox, instance: &mut Instance, moments: &mut Moments) {
    instance.end(Signal::KILL);
    let command = command(sandbox);
    let mut cut_short = sandbox.command(&binary().display().to_string());
    let mut cut_short = cut_short.args(command.split_whitespace()).spawn().unwrap();
    // A start takes a second or so: most of these are cut short, anywhere on the way.
    thread::sleep(moments.next(Duration::from_secs(3)));
    cut_short.kill().unwrap();
    cut_short.wait().unwrap();
    *instance = sandbox.start(&command);
}

/// Kills one of an instance's processes, or all, and has it complete again.
fn round(victim: Victim, sandbox: &Sandbox, instance: &mut Instance, moments: &mut Moments) {
    let family = Family::of(sandbox);
    thread::sleep(moments.next(Duration::from_millis(50)));
    match victim {
        Victim::Session => kill_session(sandbox, instance, moments),
        Victim::All => {
            let Family { session, keeper, spare, worker, policies, policies_spare } = family;
            for process in [worker, spare, policies_spare, policies, session, keeper] {
                kill(process);
            }
            kill_session(sandbox, instance, moments);
        }
        Victim::Worker => kill(family.worker),
        Victim::Keeper => kill(family.keeper),
        Victim::Spare => kill(family.spare),
        Victim::Policies => kill(family.policies),
        Victim::PoliciesSpare => kill(family.policies_spare),
    }
    reload(sandbox);
    // Of none, anything stays.
    let gone = match victim {
        Victim::Session | Victim::All => {
            let Family { worker, spare, keeper, policies, policies_spare, .. } = family;
            vec![worker, spare, keeper, policies, policies_spare]
        }
        Victim::Worker => vec![family.worker],
        Victim::Keeper => vec![family.worker, family.keeper],
        Victim::Spare => vec![family.spare],
        Victim::Policies => vec![family.policies],
        Victim::PoliciesSpare => vec![family.policies_spare],
    };
    wait_until(|| !gone.iter().copied().any(is_there));
}

/// Reads the policy again, which is the same.
fn reload(sandbox: &Sandbox) {
    let run = sandbox.run("policy reload");
    assert!(run.code == Some(0) && run.stdout.contains("2 rules in force"), "{run:#?}");
}

/// Of the blocked flow nothing arrives, of the allowed ones all, and every packet is counted once.
#[test]
fn killed_at_any_moment_it_lets_nothing_through_and_breaks_nothing() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let mut instance = sandbox.start(&command(sandbox));
    let (blocked, free) = (decided(&pair, &instance, BLOCKED), decided(&pair, &instance, FREE));
    let counted = || {
        let number = |port, what| entry(sandbox, port)[what].as_u64().unwrap();
        let free = number(FREE, "packets_lower") + number(FREE, "packets_upper");
        [number(BLOCKED, "dropped"), free]
    };
    let before = counted();
    let mut exchange = Exchange::new(&pair);
    let (over, exchanged) = (AtomicBool::new(false), AtomicU64::new(0));
    let sent = thread::scope(|scope| {
        let (over, exchanged) = (&over, &exchanged);
        let traffic = scope.spawn(move || {
            let (mut sent, mut leaked, mut arrived) = (0, 0, 0);
            while !over.load(Ordering::Relaxed) {
                leaked += blocked.arriving(1);
                arrived += free.arriving(1);
                sent += 1;
                thread::sleep(Duration::from_micros(200));
            }
            (sent, leaked, arrived)
        });
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                exchange.go(exchanged.fetch_add(1, Ordering::Relaxed));
                thread::sleep(Duration::from_millis(1));
            }
        });
        let (mut moments, over) = (Moments(7), Over(over));
        for (number, victim) in VICTIMS.into_iter().cycle().take(rounds()).enumerate() {
            eprintln!("round {number}: {victim:?}");
            round(victim, sandbox, &mut instance, &mut moments);
            let before = exchanged.load(Ordering::Relaxed);
            wait_until(|| exchanged.load(Ordering::Relaxed) > before + 2);
        }
        drop(over);
        let (sent, leaked, arrived) = traffic.join().unwrap();
        eprintln!("of {sent} blocked datagrams {leaked} arrived, of {sent} allowed ones {arrived}");
        eprintln!("{} times there and back", exchanged.load(Ordering::Relaxed));
        assert_eq!((leaked, arrived), (0, sent));
        u64::try_from(sent).unwrap()
    });
    assert_eq!(counted(), before.map(|before| before + sent));
    let (status, _) = status(sandbox);
    let ingress = status["packets"].as_array().unwrap().iter().filter(|it| it["hook"] == "ingress");
    let dropped = ingress.filter(|it| it["reason"] == "drop");
    let dropped: u64 = dropped.map(|it| it["packets"].as_u64().unwrap()).sum();
    assert_eq!(dropped, before[0] + sent, "{status}");
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    assert_clean(sandbox);
}

/// Has the others end with this, however it ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
