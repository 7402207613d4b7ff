//! The releases of a running instance, and its policy with them.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use ndpi_events::{Event, Release, ReleaseChange, Released, Source, Status, Time, Word};
use ndpi_policy::{Policy, Vocabulary};

use crate::control::ReleaseResult;
use crate::live::Rejudged;
use crate::releases::{Book, BookError, KeptFile};
use crate::snapshot::Board;

/// An order about releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Something is to pass for so long.
    Make(Released, std::time::Duration),
    /// The release of this number is to end.
    End(u32),
}

/// The releases of an instance.
pub(super) struct Releasing {
    book: Book,
    kept: KeptFile,
    board: Arc<Board>,
    source: Source,
}

/// A change of the releases, which holds when the policy with them is in force.
pub(super) struct Change {
    pub(super) book: Book,
    made: Option<Release>,
    ended: Vec<Release>,
    why: &'static str,
}

impl Releasing {
    /// Those that an earlier instance has kept in a file and that are not over; of these, only those that are known
    /// to this nDPI and go with `policy`.
    pub(super) fn of_earlier(
        kept: KeptFile,
        (policy, names): (&Arc<Policy>, &Vocabulary),
        (board, source): (Arc<Board>, Source),
    ) -> (Self, Arc<Policy>) {
        let mut book = kept.read();
        book.end_due(Time::now());
        while let Err((number, why)) = book.rules(names) {
            log::warn!("release {number}, which an earlier instance has made, is over: {why}");
            drop(book.end(number));
        }
        let with_them = with(policy, &book, names).unwrap_or_else(|error| {
            log::warn!("what an earlier instance has released is over: {error:#}");
            book = Book::default();
            Arc::clone(policy)
        });
        kept.write(&book);
        (Self { book, kept, board, source }, with_them)
    }

    /// The same, when those that there are at the start are shown and reported.
    pub(super) fn announced(mut self) -> Self {
        self.board.set_releases(self.book.releases().to_vec());
        for release in self.book.releases().to_vec() {
            self.report(Status::Released, release, None, None);
        }
        self
    }

    /// `policy` with the rules of all releases before its own.
    pub(super) fn over(&self, policy: &Arc<Policy>, names: &Vocabulary) -> Result<Arc<Policy>> {
        with(policy, &self.book, names)
    }

    /// How long it is until something ends by itself.
    pub(super) fn next_end(&self) -> Option<std::time::Duration> {
        self.book.next_end(Time::now())
    }

    /// The releases after an order.
    pub(super) fn by_order(&self, order: &Order) -> Result<Change, BookError> {
        let (mut book, why) = (self.book.clone(), "command");
        let (mut made, mut ended) = (None, Vec::new());
        match order {
            Order::Make(what, lasts) => made = Some(book.add(what, Time::now(), *lasts)?),
            Order::End(number) => ended.push(book.end(*number)?),
        }
        Ok(Change { book, made, ended, why })
    }

    /// The releases without those that are over; `None` where none is.
    pub(super) fn by_time(&self) -> Option<Change> {
        let mut book = self.book.clone();
        let ended = book.end_due(Time::now());
        (!ended.is_empty()).then_some(Change { book, made: None, ended, why: "time" })
    }

    /// Takes a change over that is in force, by which so many verdicts have changed; what is to be answered to
    /// whoever has ordered it.
    pub(super) fn take(&mut self, change: Change, rejudged: Rejudged) -> Option<ReleaseResult> {
        let Change { book, made, ended, why } = change;
        self.book = book;
        self.kept.write(&self.book);
        self.board.set_releases(self.book.releases().to_vec());
        let result = made.iter().chain(&ended).next().cloned();
        for release in ended {
            self.report(Status::ReleaseEnded, release, Some(why.into()), Some(rejudged));
        }
        if let Some(release) = made {
            self.report(Status::Released, release, None, Some(rejudged));
        }
        let (flows, changed) = (Some(rejudged.flows), Some(rejudged.changed));
        result.map(|release| ReleaseResult { release, flows, changed })
    }

    fn report(
        &mut self,
        state: fn(ReleaseChange) -> Status,
        release: Release,
        why: Option<Word>,
        rejudged: Option<Rejudged>,
    ) {
        let time = Time::now();
        let (flows, changed) = (rejudged.map(|it| it.flows), rejudged.map(|it| it.changed));
        let change = ReleaseChange { time, release, why, flows, changed };
        self.source.publish(time, Event::Status(state(change)));
    }
}

/// `policy` with the rules of these releases before its own.
pub(super) fn with(policy: &Arc<Policy>, book: &Book, names: &Vocabulary) -> Result<Arc<Policy>> {
    let rules = book.rules(names).map_err(|(_, why)| anyhow!(why))?;
    if rules.is_empty() {
        return Ok(Arc::clone(policy));
    }
    policy.preceded_by(&rules).map(Arc::new).ok_or_else(|| {
        anyhow!("the policy has so many rules that none can be put before them; take some out")
    })
}
