//! Flows that go on while a policy changes.

use std::time::Duration;

use anyhow::Result;

use crate::lab::download::Download;
use crate::lab::findings::Findings;
use crate::lab::flow::FlowId;
use crate::lab::interrupt;
use crate::lab::requests::Family;
use crate::lab::retrying_client::{Question, RetryingClient};
use crate::lab::router::Router;
use crate::lab::servers::STREAM;
use crate::lab::stage::Stage;

/// What both policies block, only the first, only the second, and none.
pub(super) const BOTH: &str = "both.example.org";
pub(super) const FIRST: &str = "first.example.org";
pub(super) const SECOND: &str = "second.example.org";
pub(super) const NONE: &str = "none.example.org";

/// Questions that are asked while nothing must arrive.
const WHILE: u64 = 40;
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Clients that ask on and on, and downloads.
pub(super) struct Traffic<'a> {
    stage: &'a Stage<'a>,
    both: [RetryingClient; 2],
    first: RetryingClient,
    second: RetryingClient,
    first_download: Download<'a>,
    allowed_download: Download<'a>,
}

impl<'a> Traffic<'a> {
    /// Starts all of it, and waits for the verdicts.
    pub(super) fn start(stage: &'a Stage, router: &Router) -> Result<Self> {
        let ask = |family, name| RetryingClient::start(stage, family, Question::Name(name));
        let download = |family, name| Download::start(stage, family, name, STREAM.0);
        let traffic = Self {
            stage,
            both: [ask(Family::V4, BOTH)?, ask(Family::V6, BOTH)?],
            first: ask(Family::V4, FIRST)?,
            second: ask(Family::V6, SECOND)?,
            first_download: download(Family::V6, FIRST)?,
            allowed_download: download(Family::V4, NONE)?,
        };
        let asking = traffic.both.iter().chain([&traffic.first, &traffic.second]);
        let downloads = [&traffic.first_download, &traffic.allowed_download];
        for flow in asking.map(|it| it.flow).chain(downloads.map(|it| it.flow)) {
            router.verdict(&flow)?;
        }
        Ok(traffic)
    }

    /// Waits until the traffic has it that the first policy is in force, or the second; false when
    /// it does not come to that.
    pub(super) fn shows(&self, first: bool) -> Result<bool> {
        let (blocked, answered) =
            if first { (&self.first, &self.second) } else { (&self.second, &self.first) };
        Ok(blocked.becomes_silent()? && answered.becomes_answered()?)
    }

    /// Packets that have arrived so far of what only the first policy blocks, or the second.
    pub(super) fn one_arrived(&self, first: bool) -> Result<u64> {
        self.stage.arrived(if first { &self.first.flow } else { &self.second.flow })
    }

    /// Packets that have arrived so far of what both policies block.
    pub(super) fn both_arrived(&self) -> Result<u64> {
        self.both.iter().map(|asking| self.stage.arrived(&asking.flow)).sum()
    }

    /// Questions so far of what both policies block.
    pub(super) fn both_asked(&self) -> u64 {
        self.both.iter().map(RetryingClient::sent).sum()
    }

    /// Waits until many more of these have been asked.
    pub(super) fn wait_for_questions(&self) -> Result<()> {
        let before = self.both_asked();
        let asked = interrupt::until(PATIENCE, || Ok(self.both_asked() >= before + WHILE))?;
        anyhow::ensure!(asked, "the lab's clients do not ask any more");
        Ok(())
    }

    /// Bytes that come meanwhile to the download that only the first policy blocks.
    pub(super) fn first_downloads_meanwhile(&self) -> Result<u64> {
        let before = self.first_download.arrived()?;
        self.wait_for_questions()?;
        Ok(self.first_download.arrived()? - before)
    }

    /// Notes whether both downloads come on.
    pub(super) fn check_downloads(&self, findings: &mut Findings) -> Result<()> {
        for (whose, download) in [
            ("a download that was blocked and is no more goes on", &self.first_download),
            ("a download that no policy blocks goes on", &self.allowed_download),
        ] {
            let goes_on = download.goes_on(STREAM.1 / 8)?;
            findings.check(whose, goes_on, format!("{} bytes so far", download.arrived()?));
        }
        Ok(())
    }

    /// Ends all of it; the flows that both policies block.
    pub(super) fn end(self) -> [FlowId; 2] {
        self.both.map(|asking| asking.flow)
    }
}
