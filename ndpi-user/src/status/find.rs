//! Which instance there is, and what is known of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use ndpi_kernel::detach_command;
use ndpi_kernel::pinned::{self, PinnedError};
use ndpi_text::clean;

use super::from_maps::from_maps;
use super::left::Left;
use crate::control::{Answer, AskError, Command, ask_within, cleaned_json, socket_of};
use crate::snapshot::Snapshot;

/// How long an instance may take to answer. It has what it needs at hand.
const PATIENCE: Duration = Duration::from_secs(2);

/// What state an instance is in.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// It runs, and has answered.
    Running,
    /// It holds its pins, and does not answer; why.
    Silent(String),
    /// It holds its pins, and takes no commands yet, or no more.
    StartingOrEnding,
    /// It is gone, and has left its maps.
    Dead(Left),
    /// Its maps or its answers are of another version; in words.
    OtherVersion(String),
    /// There is none.
    Absent,
}

impl State {
    /// Its word in JSON.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Silent(_) => "silent",
            Self::StartingOrEnding => "starting-or-ending",
            Self::Dead(_) => "dead",
            Self::OtherVersion(_) => "other-version",
            Self::Absent => "absent",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// The pins by which the instance goes.
    pub(super) pins: PathBuf,
    /// What state it is in.
    pub(super) state: State,
    /// What is known of it: all of one that answers, what its maps say of another.
    pub(super) snapshot: Option<Snapshot>,
}

impl Found {
    /// The process of a dead one.
    fn dead(&self) -> Option<u32> {
        let dead = self.snapshot.as_ref().filter(|_| matches!(self.state, State::Dead(_)));
        dead.map(|snapshot| snapshot.pid)
    }

    /// Whether all that is to be enforced is, for all that is known.
    pub(super) fn is_whole(&self) -> bool {
        self.state == State::Running && self.snapshot.as_ref().is_some_and(Snapshot::is_whole)
    }
}

/// How often it looks again where something changes meanwhile.
const LOOKS: usize = 5;

/// Looks for the instance with these pins.
pub(super) fn find(pins: &Path) -> Result<Found> {
    let mut found = look(pins)?;
    for _ in 0..LOOKS {
        // One that begins or ends between two looks seems dead: it has pins and no lock.
        let before = found.dead();
        if before.is_none() {
            break;
        }
        found = look(pins)?;
        if found.dead() == before {
            break;
        }
    }
    Ok(found)
}

fn look(pins: &Path) -> Result<Found> {
    let found = |state, snapshot| Found { pins: pins.to_owned(), state, snapshot };
    let asked = socket_of(pins).and_then(|path| Ok(ask_within(&path, Command::Status, PATIENCE)?));
    let silence = match asked {
        Ok(Answer::Status(snapshot)) => {
            return Ok(found(State::Running, Some(cleaned(&snapshot)?)));
        }
        Ok(Answer::Refused(why)) => Silence::Refused(clean(&why).into_owned()),
        Ok(_) => Silence::Refused("it has answered something else".into()),
        Err(error) => silence_of(error, pins)?,
    };
    let held = pinned::is_held(pins)?;
    let (state, snapshot) = match pinned::open(Some(pins)) {
        Err(PinnedError::Nothing(_)) if !held => (State::Absent, None),
        Err(PinnedError::Nothing(_)) => (State::StartingOrEnding, None),
        Err(error @ PinnedError::Version { .. }) => {
            let gone = format!("; if that is gone, remove them with: {}", detach_command(pins));
            (State::OtherVersion(format!("{error}{}", if held { "" } else { &gone })), None)
        }
        Err(error) => match silence {
            // It runs, and what keeps it from answering is worth more than what keeps us from its maps.
            Silence::Failed(why) if held => (State::Silent(why), None),
            _ => bail!(error),
        },
        Ok(maps) if !maps.running => (State::Dead(Left::of(&maps)?), Some(from_maps(&maps)?)),
        Ok(maps) => (silence.of_pinned(), Some(from_maps(&maps)?)),
    };
    Ok(found(state, snapshot))
}

/// Why an instance did not say how it is.
#[derive(Debug)]
enum Silence {
    /// Nobody listens.
    Nobody,
    /// It does not answer.
    Failed(String),
    /// It has answered that it cannot say.
    Refused(String),
}

impl Silence {
    /// The state of an instance that holds maps which can be read.
    fn of_pinned(self) -> State {
        match self {
            Self::Nobody => State::StartingOrEnding,
            Self::Failed(why) => State::Silent(why),
            Self::Refused(why) => State::OtherVersion(why),
        }
    }
}

/// What an error says of the instance; one that says something of who asks is an error here too.
fn silence_of(error: anyhow::Error, pins: &Path) -> Result<Silence> {
    match error.downcast::<AskError>() {
        Ok(AskError::Nobody(_)) => Ok(Silence::Nobody),
        Ok(error @ AskError::Denied(_)) => bail!(error.by_pins(pins)),
        Ok(error @ AskError::Version { .. }) => Ok(Silence::Refused(error.to_string())),
        Ok(error @ (AskError::Stopped { .. } | AskError::Call { .. })) => {
            Ok(Silence::Failed(format!("{:#}", anyhow::Error::new(error))))
        }
        Err(error) => Err(error),
    }
}

/// A snapshot as it can be shown.
fn cleaned(snapshot: &Snapshot) -> Result<Snapshot> {
    Ok(serde_json::from_value(cleaned_json(serde_json::to_value(snapshot)?))?)
}
