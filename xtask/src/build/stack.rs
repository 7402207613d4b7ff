//! How much stack the programs need: all frames of a chain of calls together have 512 bytes.
//!
//! Counted as Linux does up to 6.12 (`check_max_stack_depth` in `kernel/bpf/verifier.c`), which rounds each frame up
//! to 32 bytes. Later versions round to 16: what loads there may be refused by an older one.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};

use super::elf::{Elf, Function, Instruction, Place, Target};

/// `MAX_BPF_STACK` (`include/linux/filter.h`).
const MOST: usize = 512;
/// What the programs may need: who adds to them is to notice before a kernel refuses them.
const LIMIT: usize = 480;
const ROUNDED_TO: usize = 32;

/// The register that points to the end of the frame (`BPF_REG_10`).
const FRAME: u8 = 10;
/// Opcodes: a call, a copy of a register and the addition of a constant to one, all of 64 bits.
const CALL: u8 = 0x85;
const COPY: u8 = 0xbf;
const ADD: u8 = 0x07;
/// The source register of a call that goes to another function (`BPF_PSEUDO_CALL`), not to a helper.
const TO_FUNCTION: u8 = 1;

/// Refuses an object whose programs need more than [`LIMIT`].
pub(super) fn check(object: &[u8]) -> Result<()> {
    let chain = deepest(object).context("cannot tell how much stack the BPF programs need")?;
    let (bytes, names) = (chain.bytes, chain.names.join(" > "));
    ensure!(
        bytes <= LIMIT,
        "the BPF programs need {bytes} bytes of stack, and may need {LIMIT} (kernels give {MOST}): {names}; keep in \
         `SCRATCH` what is large, or let a function return before the next is called"
    );
    eprintln!("build: the BPF programs need {bytes} of {MOST} bytes of stack");
    Ok(())
}

/// A chain of calls, and what it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Chain {
    bytes: usize,
    names: Vec<String>,
}

fn deepest(object: &[u8]) -> Result<Chain> {
    let elf = Elf::read(object)?;
    let targets = elf.targets()?.into_iter().collect();
    let functions = elf.functions()?.into_iter().map(|it| (it.at, it)).collect();
    let mut calls = Calls { functions, targets, known: HashMap::new() };
    let places: Vec<Place> = calls.functions.keys().copied().collect();
    let chains = places.into_iter().map(|at| calls.from(at)).collect::<Result<Vec<_>>>()?;
    // Of equal ones always the same.
    chains.into_iter().max_by_key(|it| (it.bytes, it.names.clone())).context("it has no functions")
}

struct Calls {
    functions: HashMap<Place, Function>,
    targets: HashMap<Place, Target>,
    known: HashMap<Place, Chain>,
}

impl Calls {
    /// The deepest chain that begins with a function. The verifier allows no recursion, and neither does the linker's
    /// output have any: it would end here in an error of ours, as it has no bound.
    fn from(&mut self, at: Place) -> Result<Chain> {
        if let Some(known) = self.known.get(&at) {
            return Ok(known.clone());
        }
        let function = self.functions.get(&at).context("a call that leads to no function")?;
        let (name, own) = (function.name.clone(), rounded(frame(&function.instructions)));
        let called = self.called(function);
        let below = called.into_iter().map(|at| self.from(at)).collect::<Result<Vec<_>>>()?;
        let below = below.into_iter().max_by_key(|it| it.bytes).unwrap_or_default();
        let chain = Chain { bytes: own + below.bytes, names: [vec![name], below.names].concat() };
        self.known.insert(at, chain.clone());
        Ok(chain)
    }

    fn called(&self, function: &Function) -> Vec<Place> {
        let (section, first) = function.at;
        let calls = function.instructions.iter().zip(first..);
        let calls = calls.filter(|(it, _)| it.opcode == CALL && it.source == TO_FUNCTION);
        calls
            .map(|(call, number)| {
                let ahead = i64::from(call.immediate) + 1;
                match self.targets.get(&(section, number)) {
                    Some(Target::Function(at)) => *at,
                    Some(Target::Section(section)) => (*section, ahead),
                    None => (section, number + ahead),
                }
            })
            .collect()
    }
}

fn rounded(bytes: usize) -> usize {
    bytes.max(1).next_multiple_of(ROUNDED_TO)
}

/// How far a function reaches into its frame: by its register, or by a copy of it that is moved first.
fn frame(instructions: &[Instruction]) -> usize {
    let mut copies = [false; 16];
    let mut deepest = 0;
    for it in instructions {
        let (is_load, is_store) = (it.opcode & 7 == 1, matches!(it.opcode & 7, 2 | 3));
        if is_load && it.source == FRAME || is_store && it.destination == FRAME {
            deepest = deepest.min(i32::from(it.offset));
        }
        let copy = &mut copies[usize::from(it.destination & 15)];
        if it.opcode == ADD && *copy {
            deepest = deepest.min(it.immediate);
        }
        *copy = it.opcode == COPY && it.source == FRAME;
    }
    usize::try_from(deepest.unsigned_abs()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instruction(
        opcode: u8,
        destination: u8,
        source: u8,
        offset: i16,
        immediate: i32,
    ) -> Instruction {
        Instruction { opcode, destination, source, offset, immediate }
    }

    fn store(offset: i16) -> Instruction {
        instruction(0x7b, FRAME, 1, offset, 0)
    }

    fn call(ahead: i32) -> Instruction {
        instruction(CALL, 0, TO_FUNCTION, 0, ahead)
    }

    fn calls(functions: Vec<(Place, Vec<Instruction>)>, targets: Vec<(Place, Target)>) -> Calls {
        let function = |(at, instructions): (Place, _)| {
            (at, Function { name: format!("{at:?}"), at, instructions })
        };
        Calls {
            functions: functions.into_iter().map(function).collect(),
            targets: targets.into_iter().collect(),
            known: HashMap::new(),
        }
    }

    #[test]
    fn a_frame_reaches_as_far_as_anything_is_kept_in_it() {
        let load = instruction(0x79, 1, FRAME, -48, 0);
        assert_eq!(frame(&[store(-8), load, store(-24)]), 48);
        // r2 = r10; r2 += -40: what a helper is given. Of another register it is no place in the frame.
        let moved = |from| [instruction(COPY, 2, from, 0, 0), instruction(ADD, 2, 0, 0, -40)];
        assert_eq!(frame(&moved(FRAME)), 40);
        assert_eq!(frame(&moved(6)), 0);
        // A constant that looks like one, stored through another register.
        assert_eq!(frame(&[instruction(0x7b, 1, FRAME, -64, 0)]), 0);
    }

    #[test]
    fn the_deepest_chain_counts_and_each_frame_is_rounded_up() {
        // 0 calls 2 and, through a relocation, 0 of another section; 2 calls nothing.
        let functions = vec![
            ((1, 0), vec![store(-40), call(1), call(-1)]),
            ((1, 3), vec![store(-8)]),
            ((2, 0), vec![store(-65)]),
        ];
        let targets = || vec![((1, 2), Target::Section(2))];
        let mut calls = calls(functions, targets());
        let chain = calls.from((1, 0)).unwrap();
        assert_eq!((chain.bytes, chain.names.len()), (64 + 96, 2));
        assert_eq!(calls.from((1, 3)).unwrap().bytes, 32);
    }

    #[test]
    fn a_call_to_nowhere_is_an_error() {
        let error = calls(vec![((1, 0), vec![call(7)])], Vec::new()).from((1, 0)).unwrap_err();
        assert!(error.to_string().contains("no function"), "{error}");
    }

    /// The committed object is what most people build with.
    #[test]
    fn the_committed_object_is_read() {
        let object = include_bytes!("../../../ndpi-ebpf/object/ndpi-xdp.o");
        let chain = deepest(object).unwrap();
        assert!(chain.names[0].starts_with("ndpi_"), "an entry point: {chain:?}");
        check(object).unwrap();
        let error = check(&object[..1000]).unwrap_err();
        assert!(format!("{error:#}").contains("ends before"), "{error:#}");
    }
}
