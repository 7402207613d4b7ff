//! `ndpi-xdp policy explain`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use ndpi::Engine;

use super::capture;
use crate::classify::Moment;
use crate::commands::{NdpiOptions, print, unusable};
use crate::policy::{Facts, FlowWords, Policy, Support, Vocabulary, explain, load};
use crate::text::shown;

/// Say which rule decides a flow, and why the earlier ones do not
#[derive(Args, Clone, Debug)]
pub struct ExplainArguments {
    /// The policy
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// A flow in words, as `app=TLS.Facebook host=www.facebook.com dst=198.18.0.1:443`. There are
    /// app, category, breed, risk, host, ja4, alpn, src, dst, proto, vlan, iface, confidence,
    /// guessed, state and time; category and breed follow from app
    #[arg(long, value_name = "WORDS", required_unless_present = "capture")]
    pub flow: Vec<String>,

    /// All flows of a capture (pcap or pcapng)
    #[arg(long, value_name = "FILE")]
    pub capture: Vec<PathBuf>,

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
        let engine = self.ndpi.engine(&self.ndpi.library()?)?;
        let names = Vocabulary::of(&engine);
        let policy = load(&self.file, &names, Support::THIS_BUILD).map_err(unusable)?;
        let explainer = Explainer { policy, names, json: self.json };
        for words in &self.flow {
            let flow = described(words, &explainer.names, &engine)?;
            print(&explainer.explain(&flow.facts(), Moment::Early))?;
        }
        let mut code = ExitCode::SUCCESS;
        for path in &self.capture {
            let read = capture::explain(path, &explainer, &engine)
                .with_context(|| format!("explaining the flows of {}", shown(path)))?;
            if !read {
                code = ExitCode::FAILURE;
            }
        }
        Ok(code)
    }
}

/// A policy and how its decisions are shown.
pub(super) struct Explainer {
    pub(super) policy: Policy,
    names: Vocabulary,
    json: bool,
}

impl Explainer {
    /// The explanation of a flow, ready to print. At its final moment a flow is decided however
    /// much is known of it.
    pub(super) fn explain(&self, facts: &Facts<'_>, moment: Moment) -> String {
        let mut explanation = explain(&self.policy, facts);
        if moment == Moment::Final {
            explanation.decision = Some(self.policy.decide_now(facts));
        }
        if self.json {
            format!("{}\n", explanation.to_json(&self.policy, facts, &self.names))
        } else {
            format!("{}\n\n", explanation.to_text(&self.policy, facts, &self.names))
        }
    }
}

fn described(words: &str, names: &Vocabulary, engine: &Engine) -> Result<FlowWords> {
    let flow = FlowWords::parse(words, names, jiff::Timestamp::now())
        .with_context(|| format!("reading the flow {words:?}"))?;
    Ok(flow.or_as_usual(|app| {
        let protocol = if app.app == 0 { app.master } else { app.app };
        (engine.category_of(app), engine.breed_of(protocol))
    }))
}
