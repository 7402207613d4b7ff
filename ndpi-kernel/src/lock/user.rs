//! Which instance a program on an interface belongs to.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{DIRECTORY, LOCK, has_pins, holder, lines, names, open_to_read, programs};
use crate::folder::{Folder, On, Owner};
use crate::options::{detach_command, option_for};

/// The instance, running or gone, that a program belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramUser {
    /// Where its maps are pinned.
    pub pins: PathBuf,
    /// Its process, while it runs.
    pub pid: Option<u32>,
}

impl fmt::Display for ProgramUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = option_for(&self.pins).map(|option| format!(" {option}")).unwrap_or_default();
        match self.pid {
            Some(pid) => write!(
                f,
                "it is of the running ndpi-xdp{option} (pid {pid}), and one instance watches an interface: stop that \
                 one, or name another interface"
            ),
            None => write!(
                f,
                "it was left by an ndpi-xdp that is gone: go on from there with: ndpi-xdp run{option}, or end it \
                 with: {}",
                detach_command(&self.pins)
            ),
        }
    }
}

/// The instance that has noted a program as its own, as far as one runs or its pins are there still.
pub(crate) fn user_of(program: u32) -> Option<ProgramUser> {
    user_in(Path::new(DIRECTORY), program)
}

fn user_in(directory: &Path, program: u32) -> Option<ProgramUser> {
    let directory = Folder::open(directory, Owner::Given, On::Anything).ok()??;
    names(&directory).into_iter().find_map(|entry| {
        let name = entry.strip_suffix(LOCK)?;
        let (mut file, held) = open_to_read(&directory, &entry)?;
        if !programs(&mut file).contains(&program) || !(held || has_pins(&mut file, name)) {
            return None;
        }
        let pins = lines(&mut file).into_iter().nth(1)?.into();
        Some(ProgramUser { pins, pid: if held { holder(&mut file) } else { None } })
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::Place;
    use super::*;

    #[test]
    fn a_program_is_of_who_has_noted_it_and_runs_or_has_left_its_pins() {
        let place = Place::new();
        let (a, b) = (place.pins("a"), place.pins("b"));
        let mut first = place.lock(&a).unwrap();
        first.note(&[7]).unwrap();
        let mut second = place.lock(&b).unwrap();
        second.note(&[9]).unwrap();
        second.set_stays(true);
        drop(second);
        let of = |program| user_in(&place.locks(), program);
        let pid = Some(std::process::id());
        assert_eq!(of(7), Some(ProgramUser { pins: a.path().to_owned(), pid }));
        assert_eq!(of(9), Some(ProgramUser { pins: b.path().to_owned(), pid: None }));
        assert_eq!(of(8), None);
        std::fs::remove_dir(b.path()).unwrap();
        assert_eq!(of(9), None, "its pins are gone");
        drop(first);
        assert_eq!(of(7), None);
    }

    #[test]
    fn it_is_said_what_to_do() {
        let named = |pid| ProgramUser { pins: crate::named_pin_directory("lan"), pid };
        let text = named(Some(12)).to_string();
        assert!(text.contains("the running ndpi-xdp --name lan (pid 12)"), "{text}");
        let text = named(None).to_string();
        assert!(
            text.contains("ndpi-xdp run --name lan")
                && text.ends_with("ndpi-xdp detach --name lan"),
            "{text}"
        );
    }
}
