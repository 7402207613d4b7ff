//! The verifier's work on the programs: it gives up where that is too much.

use aya::EbpfLoader;
use aya::programs::{Program, ProgramError, ProgramInfo};
use ndpi_common::Switches;
use ndpi_common::names::global;
use ndpi_kernel::object::kernel_object;
use testkit::needs;

/// `BPF_COMPLEXITY_LIMIT_INSNS` of the kernel (`include/linux/bpf.h`): instructions that the verifier follows,
/// each as often as it comes by.
const MOST: u32 = 1_000_000;

/// Other versions of the kernel follow more of them.
const SPARE: u32 = 2;

fn loaded(program: &mut Program) -> Option<Result<ProgramInfo, ProgramError>> {
    match program {
        Program::Xdp(program) => Some(program.load().and_then(|()| program.info())),
        Program::SchedClassifier(program) => Some(program.load().and_then(|()| program.info())),
        _ => None,
    }
}

#[test]
fn the_verifier_is_far_from_its_limit() {
    let Some(object) = needs(kernel_object()) else { return };
    if !rustix::process::geteuid().is_root() {
        testkit::skip("loading BPF programs needs root");
        return;
    }
    for switches in [0, Switches::TUNNELS, !Switches::LIVE] {
        let quiet = 0_u8;
        let mut ebpf = EbpfLoader::new()
            .override_global(global::SWITCHES, &switches, true)
            .override_global("AYA_LOG_LEVEL", &quiet, true)
            .load(object)
            .unwrap();
        for (name, program) in ebpf.programs_mut() {
            let Some(info) = loaded(program) else { continue };
            let count = info.unwrap().verified_instruction_count().expect("Linux 5.16");
            println!("{name}, switches {switches:#x}: {count} instructions");
            assert!(count < MOST / SPARE, "{name}: the verifier followed {count} instructions");
        }
    }
}
