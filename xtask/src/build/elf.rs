//! The functions of an object, and their calls: as much of ELF as that takes (System V ABI, chapter 4).

use anyhow::{Context, Result, ensure};

const SYMBOLS: u32 = 2;
const RELOCATIONS: u32 = 9;
const FUNCTION: u8 = 2;
const SECTION: u8 = 3;

/// Bytes of a BPF instruction.
const INSTRUCTION: u64 = 8;

/// A BPF instruction (`struct bpf_insn` in `include/uapi/linux/bpf.h`).
#[derive(Clone, Copy)]
pub(super) struct Instruction {
    pub(super) opcode: u8,
    pub(super) destination: u8,
    pub(super) source: u8,
    pub(super) offset: i16,
    pub(super) immediate: i32,
}

/// Where an instruction is: in which section, and which of its instructions.
pub(super) type Place = (usize, i64);

/// A function of the object.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) at: Place,
    pub(super) instructions: Vec<Instruction>,
}

/// What a call refers to that the linker left open.
pub(super) enum Target {
    /// A function.
    Function(Place),
    /// The section that the instruction's immediate counts in.
    Section(usize),
}

/// An object for a little-endian machine.
pub(super) struct Elf<'a> {
    bytes: &'a [u8],
    sections: Vec<Section>,
}

struct Section {
    kind: u32,
    start: u64,
    len: u64,
    /// Of symbols, the section with their names.
    link: usize,
    /// Of relocations, the section that they are for.
    info: usize,
}

struct Symbol {
    name: u64,
    kind: u8,
    section: usize,
    value: u64,
    len: u64,
}

impl<'a> Elf<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self> {
        ensure!(
            bytes.starts_with(b"\x7fELF\x02\x01"),
            "the object is no 64-bit little-endian ELF file"
        );
        let mut elf = Self { bytes, sections: Vec::new() };
        let (table, count) = (elf.u64(40)?, elf.u16(60)?);
        elf.sections = (0..u64::from(count))
            .map(|number| elf.section(table + number * 64))
            .collect::<Result<_>>()?;
        Ok(elf)
    }

    /// All functions.
    pub(super) fn functions(&self) -> Result<Vec<Function>> {
        let (symbols, names) = self.symbols()?;
        let functions = symbols.iter().filter(|symbol| symbol.kind == FUNCTION);
        functions.map(|symbol| self.function(symbol, names)).collect()
    }

    /// What the instructions of a section refer to that the linker left open, by the instruction.
    pub(super) fn targets(&self) -> Result<Vec<(Place, Target)>> {
        let (symbols, _) = self.symbols()?;
        let mut found = Vec::new();
        for section in self.sections.iter().filter(|section| section.kind == RELOCATIONS) {
            for at in (section.start..section.start + section.len).step_by(16) {
                let number = usize::try_from(self.u64(at + 8)? >> 32)?;
                let symbol = symbols.get(number).context("a relocation without a symbol")?;
                let target = match symbol.kind {
                    FUNCTION => Target::Function(symbol.place()?),
                    SECTION => Target::Section(symbol.section),
                    _ => continue,
                };
                found.push(((section.info, instruction(self.u64(at)?)?), target));
            }
        }
        Ok(found)
    }

    fn function(&self, symbol: &Symbol, names: &Section) -> Result<Function> {
        let section = self.sections.get(symbol.section).context("a function without a section")?;
        let start = section.start + symbol.value;
        let instructions = (start..start + symbol.len)
            .step_by(usize::try_from(INSTRUCTION)?)
            .map(|at| self.instruction(at))
            .collect::<Result<_>>()?;
        Ok(Function {
            name: self.text(names.start + symbol.name)?,
            at: symbol.place()?,
            instructions,
        })
    }

    fn instruction(&self, at: u64) -> Result<Instruction> {
        let [opcode, registers] = self.array(at)?;
        Ok(Instruction {
            opcode,
            destination: registers & 15,
            source: registers >> 4,
            offset: i16::from_le_bytes(self.array(at + 2)?),
            immediate: i32::from_le_bytes(self.array(at + 4)?),
        })
    }

    /// The symbols, and the section that has their names.
    fn symbols(&self) -> Result<(Vec<Symbol>, &Section)> {
        let section = self.sections.iter().find(|section| section.kind == SYMBOLS);
        let section = section.context("the object has no symbols")?;
        let names = self.sections.get(section.link).context("the symbols have no names")?;
        let symbols = (section.start..section.start + section.len)
            .step_by(24)
            .map(|at| self.symbol(at))
            .collect::<Result<_>>()?;
        Ok((symbols, names))
    }

    fn symbol(&self, at: u64) -> Result<Symbol> {
        let [kind] = self.array(at + 4)?;
        Ok(Symbol {
            name: self.u32(at)?.into(),
            kind: kind & 15,
            section: self.u16(at + 6)?.into(),
            value: self.u64(at + 8)?,
            len: self.u64(at + 16)?,
        })
    }

    fn section(&self, at: u64) -> Result<Section> {
        Ok(Section {
            kind: self.u32(at + 4)?,
            start: self.u64(at + 24)?,
            len: self.u64(at + 32)?,
            link: usize::try_from(self.u32(at + 40)?)?,
            info: usize::try_from(self.u32(at + 44)?)?,
        })
    }

    fn text(&self, at: u64) -> Result<String> {
        let rest =
            self.bytes.get(usize::try_from(at)?..).context("the object ends within a name")?;
        let len = rest.iter().position(|byte| *byte == 0).context("a name without an end")?;
        Ok(String::from_utf8_lossy(&rest[..len]).into_owned())
    }

    fn array<const N: usize>(&self, at: u64) -> Result<[u8; N]> {
        let at = usize::try_from(at)?;
        let bytes = self.bytes.get(at..at.saturating_add(N));
        Ok(bytes.with_context(|| format!("the object ends before byte {at}"))?.try_into()?)
    }

    fn u16(&self, at: u64) -> Result<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: u64) -> Result<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn u64(&self, at: u64) -> Result<u64> {
        self.array(at).map(u64::from_le_bytes)
    }
}

impl Symbol {
    fn place(&self) -> Result<Place> {
        Ok((self.section, instruction(self.value)?))
    }
}

/// Which instruction is at a byte of a section.
fn instruction(byte: u64) -> Result<i64> {
    Ok(i64::try_from(byte / INSTRUCTION)?)
}
