//! Why a policy decides flows as it does: `ndpi-xdp policy explain`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use ndpi::{Engine, Library};
use ndpi_policy::{FlowWords, Policy, Vocabulary};
use ndpi_text::shown;

use super::explainer::Explainer;
use super::{capture, input};
use crate::captures::{Sandbox, Stop, reading_with_lists};
use crate::engine_setup::EngineSetup;
use crate::policy_files::say_warnings;
use crate::stdout::print;

/// Flows to be explained, and by which policy.
#[derive(Clone, Debug)]
pub(crate) struct Explain {
    /// Policy file; `-` for standard input, with lists relative to the current folder.
    pub(crate) file: PathBuf,
    /// Flows in words.
    pub(crate) flows: Vec<String>,
    /// Captures whose flows are explained.
    pub(crate) captures: Vec<PathBuf>,
    /// The time that schedules are asked for, in place of now or that of the packets.
    pub(crate) at: Option<Timestamp>,
    /// A JSON object for each flow in place of text.
    pub(crate) json: bool,
    pub(crate) engine: EngineSetup,
    /// What is given up before captures are read.
    pub(crate) sandbox: Sandbox,
}

impl Explain {
    /// Prints an explanation of each flow.
    ///
    /// # Errors
    /// nDPI, the policy, a flow's description or a capture cannot be used.
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let library = self.engine.library()?;
        let engine = self.engine.engine(&library)?;
        let names = Vocabulary::of(&engine);
        let policy = input::load(&self.file, &names)?;
        say_warnings(&policy);
        let explainer = Explainer::new(&policy, &names, self.json);
        let now = self.at.unwrap_or_else(Timestamp::now);
        for words in &self.flows {
            let flow = described(words, &names, &engine, now)?;
            print(&explainer.explain_words(&flow))?;
        }
        if self.captures.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        self.explain_captures(&Arc::new(policy.at(self.at)), &names, &library)
    }

    /// Explains the flows of all captures, up to a signal.
    fn explain_captures(
        &self,
        policy: &Arc<Policy>,
        names: &Vocabulary,
        library: &Library,
    ) -> Result<ExitCode> {
        let explainer = Explainer::new(policy, names, self.json);
        let stop = Stop::listen().context("cannot take signals")?;
        let captures = self.captures.iter().map(PathBuf::as_path);
        // That it could not be done has been said.
        let _ = self.sandbox.enter(&reading_with_lists(captures, &self.engine));
        let (mut code, mut begun) = (ExitCode::SUCCESS, 0);
        for path in self.captures.iter().take_while(|_| stop.signal().is_none()) {
            // Each capture has an engine of its own, as in `pcap`.
            let fresh = self.engine.engine(library)?;
            begun += 1;
            let read = capture::explain(path, (policy, &explainer), &fresh, &stop)
                .with_context(|| format!("explaining the flows of {}", shown(path)))?;
            if !read {
                code = ExitCode::FAILURE;
            }
        }
        Ok(stop.exit(code, self.captures.len() - begun))
    }
}

fn described(
    words: &str,
    names: &Vocabulary,
    engine: &Engine,
    now: Timestamp,
) -> Result<FlowWords> {
    let flow = FlowWords::parse(words, names, now)
        .with_context(|| format!("reading the flow {words:?}"))?
        .or_by_host(names, |host, asking| engine.classify_host(host, asking));
    Ok(flow.or_as_usual(|app| {
        let protocol = if app.app == 0 { app.master } else { app.app };
        (engine.category_of(app), engine.breed_of(protocol))
    }))
}
