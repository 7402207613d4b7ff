//! `ndpi-xdp policy explain`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::Timestamp;
use ndpi::{Engine, Library};
use ndpi_flow::Moment;
use ndpi_policy::{Explanation, Facts, FlowWords, Policy, Vocabulary, explain};
use ndpi_text::shown;

use super::{capture, input};
use crate::commands::captures::Stop;
use crate::commands::moment::moment;
use crate::commands::{NdpiOptions, print, say_warnings};

/// Say which rule decides a flow, and why the earlier ones do not
#[derive(Args, Clone, Debug)]
pub struct ExplainArguments {
    /// The policy; `-` is standard input, whose lists start at the current folder
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// A flow in words, as `host=www.facebook.com` or `app=TLS.Facebook dst=198.18.0.1:443`. There are
    /// app, category, breed, risk, host, ja4, alpn, src, dst, port, proto, vlan, iface, confidence,
    /// guessed, incomplete, state and time. What is not said follows: app from host, as nDPI has it,
    /// category and breed from app
    #[arg(long, value_name = "WORDS", required_unless_present = "capture")]
    pub flow: Vec<String>,

    /// All flows of a capture (pcap or pcapng)
    #[arg(long, value_name = "FILE")]
    pub capture: Vec<PathBuf>,

    /// Ask schedules as of this time, not of now or of a capture's own: `2026-11-23T12:00:00Z`, or
    /// in local time `2026-11-23 12:00`, `12:00` or `sat 12:00`
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub at: Option<Timestamp>,

    /// Print a JSON object for each flow, a line each
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub ndpi: NdpiOptions,
}

impl ExplainArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// nDPI, the policy, a flow's description or a capture cannot be used.
    pub fn run(self) -> Result<ExitCode> {
        let library = self.ndpi.library()?;
        let engine = self.ndpi.engine(&library)?;
        let names = Vocabulary::of(&engine);
        let policy = input::load(&self.file, &names)?;
        say_warnings(&policy);
        let mut explainer = Explainer { policy, names, json: self.json };
        let now = self.at.unwrap_or_else(Timestamp::now);
        for words in &self.flow {
            let flow = described(words, &explainer.names, &engine, now)?;
            print(&explainer.explain_words(&flow))?;
        }
        explainer = Explainer { policy: explainer.policy.at(self.at), ..explainer };
        if self.capture.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        self.captures(&explainer, &library)
    }

    /// Explains the flows of all captures, up to a signal.
    fn captures(&self, explainer: &Explainer, library: &Library) -> Result<ExitCode> {
        let stop = Stop::listen().context("cannot take signals")?;
        let (mut code, mut begun) = (ExitCode::SUCCESS, 0);
        for path in self.capture.iter().take_while(|_| stop.signal().is_none()) {
            // Each capture is a world of its own, as in `pcap`.
            let fresh = self.ndpi.engine(library)?;
            begun += 1;
            let read = capture::explain(path, explainer, &fresh, &stop)
                .with_context(|| format!("explaining the flows of {}", shown(path)))?;
            if !read {
                code = ExitCode::FAILURE;
            }
        }
        Ok(stop.exit(code, self.capture.len() - begun))
    }
}

/// A policy and how its decisions are shown.
pub(super) struct Explainer {
    pub(super) policy: Policy,
    names: Vocabulary,
    json: bool,
}

impl Explainer {
    /// The explanation of a flow in words, with what was assumed of it.
    fn explain_words(&self, flow: &FlowWords) -> String {
        let facts = flow.facts();
        let explanation = explain(&self.policy, &facts);
        self.shown(&Explanation { notes: flow.notes().to_vec(), ..explanation }, &facts)
    }

    /// The explanation of a flow, ready to print. At its final moment a flow is decided however
    /// much is known of it.
    pub(super) fn explain(&self, facts: &Facts<'_>, moment: Moment) -> String {
        let mut explanation = explain(&self.policy, facts);
        if moment == Moment::Final {
            explanation.decision = Some(self.policy.decide_now(facts));
        }
        self.shown(&explanation, facts)
    }

    fn shown(&self, explanation: &Explanation, facts: &Facts<'_>) -> String {
        if self.json {
            format!("{}\n", explanation.to_json(&self.policy, facts, &self.names))
        } else {
            format!("{}\n\n", explanation.to_text(&self.policy, facts, &self.names))
        }
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
