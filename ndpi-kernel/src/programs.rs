//! The programs of the object: some are loaded from the beginning, the others when there is a need.

use std::collections::BTreeMap;
use std::thread;

use aya::Ebpf;
use aya::programs::{Program, ProgramError, RawTracePoint, SchedClassifier, Xdp};
use ndpi_common::names::program;
use ndpi_common::{Hook, Switches};

use super::attach::Layer;
use super::options::LoadOptions;

/// The programs that are loaded from the beginning. Those for interfaces without a link header are loaded
/// when there is one.
fn first_programs(options: &LoadOptions) -> Vec<&'static str> {
    let of_hook = |hook: &Hook| match hook {
        Hook::Xdp => [program::XDP].as_slice(),
        Hook::Tc => &[program::TC, program::INGRESS],
    };
    let lost = options.switches & Switches::PEERS != 0;
    let hooks = options.hooks.iter().flat_map(of_hook).copied();
    hooks.chain(lost.then_some(program::LOST)).collect()
}

/// Has the kernel verify the first programs, side by side: each takes it most of a second of a CPU. What
/// fails comes with the name of its program.
pub(super) fn load_first(
    object: &mut Ebpf,
    options: &LoadOptions,
) -> Result<(), (&'static str, ProgramError)> {
    let first = first_programs(options);
    let mut wanted = BTreeMap::new();
    for (name, program) in object.programs_mut() {
        if let Some(name) = first.iter().find(|it| **it == name) {
            wanted.insert(*name, program);
        }
    }
    let missing = first.iter().find(|name| !wanted.contains_key(*name));
    if let Some(name) = missing {
        return Err((*name, ProgramError::NotLoaded));
    }
    let load = |(name, program)| load_program(program).map_err(|error| (name, error));
    thread::scope(|scope| {
        let loading: Vec<_> =
            wanted.into_iter().map(|one| scope.spawn(move || load(one))).collect();
        loading.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

fn load_program(program: &mut Program) -> Result<(), ProgramError> {
    match program {
        Program::Xdp(program) => program.load(),
        Program::SchedClassifier(program) => program.load(),
        Program::RawTracePoint(program) => program.load(),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// The XDP program for packets that begin so, loaded.
pub(super) fn xdp(object: &mut Ebpf, layer: Layer) -> Result<&mut Xdp, ProgramError> {
    let name = match layer {
        Layer::Link => program::XDP,
        Layer::Network => program::XDP_L3,
    };
    let program: &mut Xdp = object.program_mut(name).ok_or(ProgramError::NotLoaded)?.try_into()?;
    if program.fd().is_err() {
        program.load()?;
    }
    Ok(program)
}

/// The TC program for packets that begin so, loaded.
pub(super) fn tc(object: &mut Ebpf, layer: Layer) -> Result<&mut SchedClassifier, ProgramError> {
    classifier(
        object,
        match layer {
            Layer::Link => program::TC,
            Layer::Network => program::TC_L3,
        },
    )
}

/// The TC program for ingress, loaded.
pub(super) fn tc_ingress(object: &mut Ebpf) -> Result<&mut SchedClassifier, ProgramError> {
    classifier(object, program::INGRESS)
}

pub(super) fn classifier<'o>(
    object: &'o mut Ebpf,
    name: &str,
) -> Result<&'o mut SchedClassifier, ProgramError> {
    let program: &mut SchedClassifier =
        object.program_mut(name).ok_or(ProgramError::NotLoaded)?.try_into()?;
    if program.fd().is_err() {
        program.load()?;
    }
    Ok(program)
}

/// Starts the program that counts frames which could not be redirected; it goes with the object.
pub(super) fn count_lost_frames(object: &mut Ebpf) -> Result<(), ProgramError> {
    lost(object)?.attach("xdp_redirect_err").map(drop)
}

fn lost(object: &mut Ebpf) -> Result<&mut RawTracePoint, ProgramError> {
    object.program_mut(program::LOST).ok_or(ProgramError::NotLoaded)?.try_into()
}

/// The numbers of the programs that go on interfaces whose packets begin so.
pub(super) fn program_ids(object: &mut Ebpf, layer: Layer) -> Result<[u32; 3], ProgramError> {
    let xdp = xdp(object, layer)?.info()?.id();
    let tc = tc(object, layer)?.info()?.id();
    Ok([xdp, tc, tc_ingress(object)?.info()?.id()])
}
