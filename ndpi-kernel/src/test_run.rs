//! Running the programs on packets of the caller's making (`BPF_PROG_TEST_RUN`,
//! `Documentation/bpf/bpf_prog_run.rst`).

use std::time::Duration;

use aya::programs::{Program, ProgramError, SchedClassifier, Xdp};
use aya::{Ebpf, TestRun as _, TestRunAttrs, TestRunOptions};
use ndpi_common::Hook;
use ndpi_common::names::program;

/// Room for a frame that a program may have made longer.
const LONGEST: usize = 1 << 16;

/// The programs could not be run.
#[derive(Debug, thiserror::Error)]
#[error("cannot run the program at {hook:?} on a packet of {len} bytes")]
pub struct TestRunError {
    hook: Hook,
    len: usize,
    source: ProgramError,
}

/// What one run, or many, made of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRunResult {
    /// The program's return value: an XDP action (`XDP_DROP` 1, `XDP_PASS` 2, `XDP_TX` 3,
    /// `XDP_REDIRECT` 4) or a TC action (`TC_ACT_UNSPEC` -1, `TC_ACT_OK` 0, `TC_ACT_SHOT` 2).
    pub action: i32,
    /// The mean duration of a run; whole nanoseconds.
    pub duration: Duration,
    /// The packet afterwards; only where it was asked for.
    pub packet: Option<Vec<u8>>,
}

impl TestRunResult {
    /// Whether the program at `hook` dropped the packet.
    pub fn dropped(&self, hook: Hook) -> bool {
        self.action
            == match hook {
                Hook::Xdp => 1,
                Hook::Tc => 2,
            }
    }
}

/// The context of an XDP program besides the packet's bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct XdpContext {
    /// The interface it came in on; its driver must know XDP. The kernel takes 0 for the loopback
    /// and then wants queue 0.
    pub ingress_ifindex: u32,
    /// The queue it came in on.
    pub rx_queue_index: u32,
}

/// The size of `struct xdp_md`.
const XDP: usize = 24;

/// The context of a TC program besides the packet's bytes: `struct __sk_buff`, of which the kernel
/// takes these fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct SkbContext {
    /// The interface it came in on, 0 for none.
    pub ingress_ifindex: u32,
    /// The interface it goes out on; 1 (the loopback) when 0.
    pub ifindex: u32,
    /// The firewall mark.
    pub mark: u32,
    /// Segments that it becomes; 0 for a packet that is not segmented.
    pub gso_segs: u32,
    /// The payload of each segment in bytes.
    pub gso_size: u32,
    /// Its length on the wire, 0 to leave it to the kernel.
    pub wire_len: u32,
}

/// The size of `struct __sk_buff`.
const SKB: usize = 192;

impl SkbContext {
    /// The fields at their places in `struct __sk_buff` (`linux/bpf.h`).
    fn bytes(&self) -> [u8; SKB] {
        place([
            (8, self.mark),
            (36, self.ingress_ifindex),
            (40, self.ifindex),
            (160, self.wire_len),
            (164, self.gso_segs),
            (176, self.gso_size),
        ])
    }
}

impl XdpContext {
    /// The fields at their places in `struct xdp_md`; the data are all of the packet.
    fn bytes(self, packet: &[u8]) -> [u8; XDP] {
        let len = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        place([(4, len), (12, self.ingress_ifindex), (16, self.rx_queue_index)])
    }
}

/// A structure with these words, by their offset in bytes, and zeros elsewhere.
fn place<const SIZE: usize, const WORDS: usize>(words: [(usize, u32); WORDS]) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    for (at, word) in words {
        bytes[at..at + 4].copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

/// Runs the loaded programs, with their real maps and rings; on several threads where there are copies.
#[derive(Clone, Copy, Debug)]
pub struct TestRun<'k> {
    object: &'k Ebpf,
}

impl<'k> TestRun<'k> {
    pub(super) fn new(object: &'k Ebpf) -> Self {
        Self { object }
    }

    /// Runs the XDP program `repeat` times on a frame, from its Ethernet header on.
    ///
    /// # Errors
    ///
    /// The kernel does not take the frame or the context.
    pub fn xdp(
        &self,
        frame: &[u8],
        context: Option<&XdpContext>,
        repeat: u32,
    ) -> Result<TestRunResult, TestRunError> {
        let context = context.map(|context| context.bytes(frame));
        let options = options(frame, context.as_ref().map(|bytes| &bytes[..]), repeat);
        self.run_xdp(options).map(|result| done(&result, None))
    }

    /// Runs the TC program `repeat` times on a frame, from its Ethernet header on.
    ///
    /// # Errors
    ///
    /// As for [`TestRun::xdp`].
    pub fn tc(
        &self,
        frame: &[u8],
        context: Option<&SkbContext>,
        repeat: u32,
    ) -> Result<TestRunResult, TestRunError> {
        let context = context.map(SkbContext::bytes);
        let failed = |source| TestRunError { hook: Hook::Tc, len: frame.len(), source };
        let program = self.program(program::TC).map_err(failed)?;
        let program: &SchedClassifier = program.try_into().map_err(failed)?;
        let options = options(frame, context.as_ref().map(|bytes| &bytes[..]), repeat);
        program.test_run(options).map(|result| done(&result, None)).map_err(failed)
    }

    /// Runs the XDP program once and gives the frame as it left the program.
    ///
    /// # Errors
    ///
    /// As for [`TestRun::xdp`].
    pub fn xdp_frame(&self, frame: &[u8]) -> Result<TestRunResult, TestRunError> {
        let mut out = vec![0; LONGEST];
        let options = TestRunOptions { data_out: Some(&mut out), ..options(frame, None, 1) };
        let result = self.run_xdp(options)?;
        Ok(done(&result, Some(out)))
    }

    /// Runs the XDP program on `count` frames which are then treated as it says: passed to the
    /// stack of `context`'s interface, redirected, sent back. `batch` frames are in flight at once
    /// (at most 256). Since Linux 5.18.
    ///
    /// # Errors
    ///
    /// As for [`TestRun::xdp`]; live frames must fit a page with their headroom.
    pub fn xdp_live(
        &self,
        frame: &[u8],
        context: &XdpContext,
        count: u32,
        batch: u32,
    ) -> Result<TestRunResult, TestRunError> {
        let context = context.bytes(frame);
        let attrs = TestRunAttrs::new().xdp_live_frames(batch);
        let options = TestRunOptions { attrs, ..options(frame, Some(&context), count) };
        self.run_xdp(options).map(|result| done(&result, None))
    }

    fn run_xdp(self, options: TestRunOptions<'_>) -> Result<aya::TestRunResult, TestRunError> {
        let len = options.data_in.map_or(0, <[u8]>::len);
        let failed = |source| TestRunError { hook: Hook::Xdp, len, source };
        let program = self.program(program::XDP).map_err(failed)?;
        let program: &Xdp = program.try_into().map_err(failed)?;
        program.test_run(options).map_err(failed)
    }

    fn program(&self, name: &str) -> Result<&Program, ProgramError> {
        self.object.program(name).ok_or(ProgramError::NotLoaded)
    }
}

/// So many runs on a frame with a context.
fn options<'f>(frame: &'f [u8], context: Option<&'f [u8]>, repeat: u32) -> TestRunOptions<'f> {
    TestRunOptions { data_in: Some(frame), ctx_in: context, repeat, ..TestRunOptions::new() }
}

fn done(result: &aya::TestRunResult, packet: Option<Vec<u8>>) -> TestRunResult {
    let packet = packet.map(|mut packet| {
        packet.truncate(result.data_size_out as usize);
        packet
    });
    TestRunResult { action: result.return_value.cast_signed(), duration: result.duration, packet }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_where_the_kernel_looks_for_them() {
        let context =
            SkbContext { gso_segs: 44, gso_size: 1448, ifindex: 3, ..SkbContext::default() };
        let bytes = context.bytes();
        let words: Vec<u32> = bytes
            .chunks_exact(4)
            .map(|word| u32::from_ne_bytes(word.try_into().unwrap()))
            .collect();
        let set: Vec<_> = words.iter().enumerate().filter(|(_, word)| **word != 0).collect();
        assert_eq!(set, [(10, &3), (41, &44), (44, &1448)]);
    }
}
