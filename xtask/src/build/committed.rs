//! The object in `ndpi-ebpf/object`, for all who change nothing of what it is made from: they need
//! neither bpf-linker nor the source of core.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::compile::compile;
use super::inputs;
use crate::process;
use crate::setup;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

const HEADING: &str = "# What ndpi-xdp.o was made from and with; written, as the object itself, by\n\
                       # cargo xtask build --accept-object\n";
const ACCEPT: &str = "to record what the sources give: cargo xtask build --accept-object";

/// The object, and what it is of.
pub(super) struct Committed {
    pub(super) object: Vec<u8>,
    record: Record,
    /// The digest of what it would be made from now.
    inputs: String,
}

/// What is recorded beside it.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    inputs: String,
    object: String,
    tools: Tools,
}

/// With what it was made: with the same tools the same sources give the same bytes.
#[derive(Debug, PartialEq, Eq)]
struct Tools {
    rustc: String,
    linker: String,
    /// Whose build of rustc, and whose variant of aya's bindings.
    host: String,
}

fn places(workspace: &Workspace) -> (PathBuf, PathBuf) {
    let folder = workspace.committed_object();
    (folder.join("ndpi-xdp.o"), folder.join("ndpi-xdp.toml"))
}

impl Committed {
    /// What is committed, if anything is.
    pub(super) fn read(workspace: &Workspace) -> Result<Option<Self>> {
        let (object, record) = places(workspace);
        if !record.exists() && !object.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&record)
            .with_context(|| format!("cannot read {}", record.display()))?;
        let record = Record::parse(&text)
            .with_context(|| format!("{} is damaged; {ACCEPT}", record.display()))?;
        let content =
            fs::read(&object).with_context(|| format!("cannot read {}", object.display()))?;
        ensure!(
            hash(&content) == record.object,
            "{} is not the one that was recorded; {ACCEPT}",
            object.display()
        );
        let inputs = inputs::digest(workspace.root())?;
        Ok(Some(Self { object: content, record, inputs }))
    }

    /// Whether it is what the sources give, on a machine of this byte order.
    pub(super) fn fits(&self) -> bool {
        cfg!(target_endian = "little") && self.record.inputs == self.inputs
    }
}

impl Record {
    fn parse(text: &str) -> Option<Self> {
        let table: Table = text.parse().ok()?;
        let field = |name: &str| Some(table.get(name)?.as_str()?.to_owned());
        let tools =
            Tools { rustc: field("rustc")?, linker: field("linker")?, host: field("host")? };
        Some(Self { inputs: field("inputs")?, object: field("object")?, tools })
    }

    fn text(&self) -> String {
        let Tools { rustc, linker, host } = &self.tools;
        let fields = [
            ("inputs", &self.inputs),
            ("object", &self.object),
            ("rustc", rustc),
            ("linker", linker),
            ("host", host),
        ];
        let line = |(name, value): (&str, &String)| format!("{name} = {}\n", Value::from(&**value));
        HEADING.to_owned() + &fields.map(line).concat()
    }
}

impl Tools {
    fn ask(workspace: &Workspace) -> Result<Self> {
        let toolchain = Toolchain::ask()?;
        let linker = setup::linker(workspace)?;
        let linker = process::output(process::command(linker).arg("--version"))?;
        Ok(Self {
            rustc: toolchain.version.clone(),
            linker: linker.trim().to_owned(),
            host: toolchain.host.clone(),
        })
    }
}

/// Compiles the object, here and in a copy of the sources elsewhere, and records it.
pub(super) fn accept(workspace: &Workspace) -> Result<()> {
    let content = compile(workspace)?;
    eprintln!("build: compiling the BPF programs again elsewhere: the bytes must be the same");
    let elsewhere = tempfile::tempdir().context("cannot make a folder for a second build")?;
    copy_sources(workspace, elsewhere.path())?;
    let again = compile(&Workspace::at(elsewhere.path()))?;
    ensure!(
        content == again,
        "the same sources gave other bytes in {}",
        elsewhere.path().display()
    );
    let record = Record {
        inputs: inputs::digest(workspace.root())?,
        object: hash(&content),
        tools: Tools::ask(workspace)?,
    };
    let (object, note) = places(workspace);
    fs::create_dir_all(workspace.committed_object())?;
    fs::write(&object, content).with_context(|| format!("cannot write {}", object.display()))?;
    fs::write(&note, record.text()).with_context(|| format!("cannot write {}", note.display()))?;
    eprintln!("build: {} and {}: to be committed", object.display(), note.display());
    Ok(())
}

/// All that git knows, and nothing that was built.
fn copy_sources(workspace: &Workspace, folder: &Path) -> Result<()> {
    let files = process::output(
        process::command("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(workspace.root()),
    )?;
    for name in files.split_terminator('\0') {
        let (from, to) = (workspace.root().join(name), folder.join(name));
        if let (true, Some(parent)) = (from.is_file(), to.parent()) {
            fs::create_dir_all(parent)?;
            fs::copy(&from, &to).with_context(|| format!("cannot copy {name}"))?;
        }
    }
    Ok(())
}

/// Fails where something is committed and is not what was compiled now.
pub(super) fn check(workspace: &Workspace, compiled: &[u8]) -> Result<()> {
    let Some(committed) = Committed::read(workspace)? else { return Ok(()) };
    if let Some(doubt) = committed.doubt(compiled, &Tools::ask(workspace)?)? {
        eprintln!("test: {doubt}");
    }
    Ok(())
}

impl Committed {
    /// Why it cannot be compared with what was compiled now, if so; fails when it is another.
    fn doubt(&self, compiled: &[u8], tools: &Tools) -> Result<Option<String>> {
        if self.record.inputs != self.inputs {
            bail!("ndpi-ebpf/object/ndpi-xdp.o was made from other sources; {ACCEPT}");
        }
        if self.record.tools != *tools {
            return Ok(Some(format!(
                "the committed object is of these sources; its bytes are not compared, since it was \
                 made with {:?}, and here are {tools:?}",
                self.record.tools
            )));
        }
        ensure!(
            self.object == compiled,
            "ndpi-ebpf/object/ndpi-xdp.o is not what its sources give with the same tools; {ACCEPT}"
        );
        Ok(None)
    }
}

fn hash(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(rustc: &str) -> Tools {
        Tools { rustc: rustc.into(), linker: "bpf-linker 0.13.0".into(), host: "x".into() }
    }

    fn committed(recorded: &str, inputs: &str) -> Committed {
        let record =
            Record { inputs: recorded.into(), object: hash(b"object"), tools: tools("1.95.0") };
        Committed { object: b"object".to_vec(), record, inputs: inputs.into() }
    }

    #[test]
    fn a_record_is_read_as_it_is_written() {
        let record = committed("a", "a").record;
        assert_eq!(Record::parse(&record.text()), Some(record));
        assert_eq!(Record::parse("inputs = \"a\"\n"), None);
    }

    #[test]
    fn only_an_object_of_these_sources_is_used() {
        assert_eq!(committed("a", "a").fits(), cfg!(target_endian = "little"));
        assert!(!committed("a", "b").fits());
    }

    #[test]
    fn another_object_than_the_sources_give_is_an_error() {
        let same = committed("a", "a");
        assert_eq!(same.doubt(b"object", &tools("1.95.0")).unwrap(), None);
        let error = same.doubt(b"other", &tools("1.95.0")).unwrap_err().to_string();
        assert!(error.contains("--accept-object"), "{error}");
        let error = committed("a", "b").doubt(b"object", &tools("1.95.0")).unwrap_err().to_string();
        assert!(error.contains("other sources"), "{error}");
    }

    #[test]
    fn bytes_of_another_compiler_are_not_compared() {
        let doubt = committed("a", "a").doubt(b"other", &tools("1.96.0")).unwrap().unwrap();
        assert!(doubt.contains("1.95.0") && doubt.contains("1.96.0"), "{doubt}");
    }

    #[test]
    fn nothing_committed_is_nothing_to_check() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        assert!(Committed::read(&workspace).unwrap().is_none());
        check(&workspace, b"whatever").unwrap();
    }

    #[test]
    fn a_damaged_object_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let (object, note) = places(&workspace);
        fs::create_dir_all(object.parent().unwrap()).unwrap();
        fs::write(&object, "damaged").unwrap();
        fs::write(&note, committed("a", "a").record.text()).unwrap();
        let error = Committed::read(&workspace).err().unwrap().to_string();
        assert!(error.contains("not the one that was recorded"), "{error}");
    }
}
