//! A policy is given to a fleet: `ndpi-xdp fleet push`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ndpi_text::shown;

use super::keys;
use super::place::Place;
use crate::engine_setup::EngineSetup;
use crate::files::Onlooker;
use crate::logging;
use crate::policy_files::for_caller_of_sudo;
use crate::policy_tools::for_others;
use crate::stdout::print;

/// How long a server may take to answer.
const WAIT: Duration = Duration::from_secs(10);

/// How many values of each key a bucket keeps that is made here.
const HISTORY: u8 = 16;

/// Whose policy it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// All instances of a site that have none of their own.
    Site(String),
    /// One instance.
    Host(String),
}

impl Target {
    fn key(&self) -> String {
        match self {
            Self::Site(name) => keys::of_site(name),
            Self::Host(name) => keys::of_host(name),
        }
    }
}

/// A policy that is to be given.
#[derive(Clone, Debug)]
pub(crate) struct Push {
    /// Where to.
    pub(crate) place: Place,
    /// The policy's file; `-` for standard input.
    pub(crate) file: PathBuf,
    /// Whose it is to be.
    pub(crate) target: Target,
    /// Whether the bucket is made where there is none.
    pub(crate) creates_bucket: bool,
    /// Which nDPI knows the names in it.
    pub(crate) engine: EngineSetup,
}

impl Push {
    /// Checks the policy, and puts it into the bucket. Exit status 1 where it cannot be used.
    ///
    /// # Errors
    ///
    /// nDPI cannot be set up, the server cannot be reached or refuses it, or there is no such bucket.
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let (text, problems) = for_others(&self.file, &self.engine)?;
        let is_usable = !problems.has_errors();
        if !problems.problems().is_empty() {
            let shown = for_caller_of_sudo(problems, Onlooker::behind_sudo().as_ref());
            logging::say(&format!("{}\n", shown.render(false)));
        }
        if !is_usable {
            return Ok(ExitCode::FAILURE);
        }
        let (bucket, key) = (self.place.bucket(), self.target.key());
        let mut connection = self.place.connect()?;
        let doing = || format!("cannot put {} into {}", shown(&self.file), self.place);
        let until = || Instant::now() + WAIT;
        if self.creates_bucket {
            let about = (HISTORY, "Policies of ndpi-xdp: docs/fleet.md");
            bucket.create(&mut connection, about, until()).with_context(doing)?;
        }
        let value = (&*key, text.as_bytes());
        let revision = bucket.put(&mut connection, value, until()).with_context(doing)?;
        print(&format!("{key} is revision {revision}\n"))
    }
}
