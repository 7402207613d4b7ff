//! Programs loaded for a test, without pins.

mod maps;
mod pool;
mod tagged;

pub(crate) use pool::Lease;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aya::maps::{ArrayOfMaps, Map, MapData, PerCpuArray, RingBuf};
use aya::programs::{ProgramError, SchedClassifier, TestRun, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use ndpi_common::names::{global, map, program};
use ndpi_common::{Hook, Outcome, Reason, SampleFlags, SampleHeader, Stat, Switches, stats_parts};
use ndpi_kernel::Element;
use ndpi_kernel::object::kernel_object;
use testkit::cpu::stay_on;
use testkit::needs;

pub(crate) const HOOKS: [Hook; 2] = [Hook::Xdp, Hook::Tc];
/// Where the coarse clock of a test stands at first.
pub(crate) const NOW: u32 = 10_000;
pub(crate) const IDLE: u32 = 100;
/// The bucket of verdicts that limit.
pub(crate) const BUCKET: u32 = 70_000;

/// Settings of a test; the defaults are small.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Settings {
    pub(crate) budget: u32,
    pub(crate) snap: u32,
    pub(crate) switches: u32,
    pub(crate) ring_bytes: u32,
}

impl Settings {
    pub(crate) const SMALL: Self =
        Self { budget: 5, snap: ndpi_common::MAX_SNAP, switches: 0, ring_bytes: 1 << 17 };
}

impl Default for Settings {
    fn default() -> Self {
        Self::SMALL
    }
}

/// What a program said about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Pass,
    Drop,
}

/// The rings of one worker.
const RINGS: u32 = 2;

/// A packet that was shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) header: SampleHeader,
    pub(crate) bytes: Vec<u8>,
}

impl Shown {
    /// What is said of the packet itself, and not of its flow's past or for want of a payload.
    pub(crate) fn flags(&self) -> u32 {
        let others = SampleFlags::EMPTY | SampleFlags::UNDER_WAY | SampleFlags::LOSS;
        self.header.flags & !others
    }
}

/// Packets and bytes by hook, outcome and reason; what is 0 is left out.
pub(crate) type Stats = BTreeMap<(u8, u8, Reason), (u64, u64)>;

pub(crate) struct Kernel {
    ebpf: Ebpf,
    switches: u32,
    rings: Vec<RingBuf<MapData>>,
    // The rings live as long as the array refers to them.
    _outer: ArrayOfMaps<MapData, MapData>,
}

/// The programs, or a word on why not and `None`.
pub(crate) fn kernel(settings: Settings) -> Option<Lease> {
    let object = needs(kernel_object())?;
    match Lease::of(settings, || Kernel::load(object, settings)) {
        Err(error) if is_denied(error.as_ref()) => needs(Err("loading BPF programs needs root")),
        loaded => Some(loaded.expect("the programs load")),
    }
}

/// Keeps this thread, which is the test's own, on the CPU where it is.
pub(crate) fn stay_on_this_cpu() {
    stay_on(rustix::thread::sched_getcpu()).unwrap();
}

fn is_denied(error: &(dyn std::error::Error + 'static)) -> bool {
    let root = rustix::process::geteuid().is_root();
    let mut text = String::new();
    write!(text, "{error:?}").expect("a string takes all");
    !root && (text.contains("PermissionDenied") || text.contains("EPERM"))
}

impl Kernel {
    fn load(object: &[u8], settings: Settings) -> Result<Self, Box<dyn std::error::Error>> {
        let quiet = 0u8;
        let mut loader = EbpfLoader::new();
        loader
            .override_global(global::BUDGET, &settings.budget, true)
            .override_global(global::SNAP, &settings.snap, true)
            .override_global(global::SWITCHES, &settings.switches, true)
            .override_global(global::IDLE_TICKS, &IDLE, true)
            .override_global("AYA_LOG_LEVEL", &quiet, true);
        let tracks = [map::TRACK_V4, map::TRACK_V6, map::UNANSWERED_V4, map::UNANSWERED_V6];
        let of_tenants = [map::VERDICTS_TENANT, map::TRACK_TENANT, map::UNANSWERED_TENANT];
        let verdicts = [map::VERDICTS_V4, map::VERDICTS_V6].into_iter();
        for name in verdicts.chain(tracks).chain(of_tenants) {
            loader.map_max_entries(name, 1024);
        }
        let mut ebpf = loader.load(object)?;
        let mut outer = ArrayOfMaps::try_from(ebpf.take_map(map::RINGS).expect("RINGS"))?;
        let rings = (0..RINGS)
            .map(|place| ring(&mut outer, place, settings.ring_bytes))
            .collect::<Result<_, _>>()?;
        let xdp: &mut Xdp = ebpf.program_mut(program::XDP).expect("the XDP program").try_into()?;
        xdp.load()?;
        let tc: &mut SchedClassifier =
            ebpf.program_mut(program::TC).expect("the TC program").try_into()?;
        tc.load()?;
        let mut kernel = Self { ebpf, switches: settings.switches, rings, _outer: outer };
        kernel.begin(settings);
        Ok(kernel)
    }

    /// Sets the clock and the switches of a test's beginning.
    fn begin(&mut self, settings: Settings) {
        self.switches = settings.switches;
        self.set_tick(NOW);
        self.switch(settings.switches & Switches::LIVE);
    }

    /// Runs the program of a hook on one frame.
    pub(crate) fn run(&self, hook: Hook, frame: &[u8]) -> Answer {
        let answer =
            self.try_run(hook, TestRunOptions { data_in: Some(frame), ..Default::default() });
        read_answer(hook, answer.expect("a test run"))
    }

    /// Runs the TC program on one packet with a context (`struct __sk_buff`).
    pub(crate) fn run_with(&self, frame: &[u8], context: &[u8]) -> Answer {
        let options =
            TestRunOptions { data_in: Some(frame), ctx_in: Some(context), ..Default::default() };
        read_answer(Hook::Tc, self.try_run(Hook::Tc, options).expect("a test run"))
    }

    /// Runs the program of a hook many times on one frame.
    pub(crate) fn repeat(&self, hook: Hook, frame: &[u8], times: u32) {
        let options = TestRunOptions { data_in: Some(frame), repeat: times, ..Default::default() };
        self.try_run(hook, options).expect("a test run");
    }

    /// Runs the program of a hook for interfaces without a link header on one packet.
    pub(crate) fn run_l3(&mut self, hook: Hook, packet: &[u8]) -> Answer {
        let options = TestRunOptions { data_in: Some(packet), ..Default::default() };
        let result = match hook {
            Hook::Xdp => {
                let program = self.ebpf.program_mut(program::XDP_L3).expect("the XDP program");
                let program: &mut Xdp = program.try_into().expect("for XDP");
                if program.fd().is_err() {
                    program.load().expect("the verifier takes it");
                }
                program.test_run(options)
            }
            Hook::Tc => {
                let program = self.ebpf.program_mut(program::TC_L3).expect("the TC program");
                let program: &mut SchedClassifier = program.try_into().expect("for TC");
                if program.fd().is_err() {
                    program.load().expect("the verifier takes it");
                }
                program.test_run(options)
            }
        };
        read_answer(hook, result.expect("a test run").return_value)
    }

    fn try_run(&self, hook: Hook, options: TestRunOptions<'_>) -> Result<u32, ProgramError> {
        let result = match hook {
            Hook::Xdp => {
                let program: &Xdp =
                    self.ebpf.program(program::XDP).expect("the XDP program").try_into()?;
                program.test_run(options)?
            }
            Hook::Tc => {
                let program: &SchedClassifier =
                    self.ebpf.program(program::TC).expect("the TC program").try_into()?;
                program.test_run(options)?
            }
        };
        Ok(result.return_value)
    }

    pub(crate) fn stats(&self) -> Stats {
        let map = self.ebpf.map(map::STATS).expect("STATS");
        let stats: PerCpuArray<_, Element<Stat>> = map.try_into().expect("a per-CPU array");
        let mut sums = Stats::new();
        for index in 0..stats.len() {
            let values = stats.get(&index, 0).unwrap();
            let packets = values.iter().map(|stat| stat.0.packets).sum::<u64>();
            let bytes = values.iter().map(|stat| stat.0.bytes).sum::<u64>();
            if packets > 0 {
                let (hook, outcome, reason) = stats_parts(index).expect("only what has a name");
                sums.insert((hook as u8, outcome as u8, reason), (packets, bytes));
            }
        }
        sums
    }

    /// Everything shown since the last call.
    pub(crate) fn shown(&mut self) -> Vec<Shown> {
        let mut shown = Vec::new();
        for ring in &mut self.rings {
            while let Some(record) = ring.next() {
                let (header, bytes) = SampleHeader::split(&record).expect("a whole record");
                shown.push(Shown { header, bytes: bytes.to_vec() });
            }
        }
        // A worker takes what lies in both rings in the order of time.
        shown.sort_by_key(|it: &Shown| it.header.ktime_ns);
        shown
    }

    /// Runs `act` and checks that exactly these packets and bytes were counted meanwhile.
    #[track_caller]
    pub(crate) fn expect<T>(
        &mut self,
        counted: &[(Hook, Outcome, Reason, u64, u64)],
        act: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.stats();
        let result = act(self);
        let mut delta = self.stats();
        delta.retain(|place, now| {
            let then = before.get(place).copied().unwrap_or_default();
            *now = (now.0 - then.0, now.1 - then.1);
            now.0 > 0
        });
        let wanted: Stats = counted
            .iter()
            .map(|&(hook, outcome, reason, packets, bytes)| {
                ((hook as u8, outcome as u8, reason), (packets, bytes))
            })
            .collect();
        assert_eq!(delta, wanted);
        result
    }
}

fn ring(
    outer: &mut ArrayOfMaps<MapData, MapData>,
    cpu: u32,
    bytes: u32,
) -> Result<RingBuf<MapData>, Box<dyn std::error::Error>> {
    let kind = aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_RINGBUF as u32;
    let definition = aya_obj::Map::new_from_params(kind, 0, 0, bytes, 0);
    let data = MapData::create(definition, "ring", None)?;
    outer.set(cpu, &data, 0)?;
    Ok(RingBuf::try_from(Map::RingBuf(data))?)
}

pub(crate) fn cpus() -> u32 {
    u32::try_from(aya::util::nr_cpus().expect("the number of CPUs")).expect("few CPUs")
}

fn read_answer(hook: Hook, value: u32) -> Answer {
    // At TC a packet that passes goes on to the next program: `TC_ACT_UNSPEC`, never `TC_ACT_OK`.
    match (hook, value) {
        (Hook::Xdp, 2) | (Hook::Tc, u32::MAX) => Answer::Pass,
        (Hook::Xdp, 1) | (Hook::Tc, 2) => Answer::Drop,
        _ => panic!("{hook:?} answered {value}"),
    }
}
