//! The releases of an instance.

use std::time::Duration;

use ndpi_events::{Release, Released, Time};
use ndpi_policy::{Exemption, Rule, Vocabulary};
use serde::{Deserialize, Serialize};

/// Releases at a time. Each has a place in the policy, of which there are 4096.
const MOST: usize = 32;

/// The longest time. What is to pass for longer belongs into the policy.
const LONGEST: Duration = Duration::from_hours(30 * 24);

/// The releases of an instance, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Book {
    /// The number of the last one that was made.
    last: u32,
    releases: Vec<Release>,
}

/// A release cannot be made or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BookError {
    /// There are as many as there can be.
    #[error(
        "there are {MOST} releases, the most there can be; end one with: ndpi-xdp release --end NUMBER"
    )]
    Full,
    /// No time, or too long a time.
    #[error("a release lasts from 1s to 30d; what is to pass for longer belongs into the policy")]
    Time,
    /// There is none of this number.
    #[error("there is no release {0}; those that there are: ndpi-xdp release --list")]
    Unknown(u32),
}

impl Book {
    /// Lets something pass from `now` on; what passes already has another end from here on.
    pub(crate) fn add(
        &mut self,
        what: &Released,
        now: Time,
        lasts: Duration,
    ) -> Result<Release, BookError> {
        if lasts < Duration::from_secs(1) || lasts > LONGEST {
            return Err(BookError::Time);
        }
        let until = now.after(lasts);
        if let Some(same) = self.releases.iter_mut().find(|release| release.what == *what) {
            same.until = until;
            return Ok(same.clone());
        }
        if self.releases.len() >= MOST {
            return Err(BookError::Full);
        }
        self.last = self.last.wrapping_add(1).max(1);
        let release = Release { release: self.last, what: what.clone(), since: now, until };
        self.releases.push(release.clone());
        Ok(release)
    }

    /// Ends the release of this number.
    pub(crate) fn end(&mut self, number: u32) -> Result<Release, BookError> {
        let place = self.releases.iter().position(|release| release.release == number);
        place.map(|place| self.releases.remove(place)).ok_or(BookError::Unknown(number))
    }

    /// Ends those whose time is over.
    pub(crate) fn end_due(&mut self, now: Time) -> Vec<Release> {
        self.releases.extract_if(.., |release| release.until <= now).collect()
    }

    /// How long it is until the next one ends by itself.
    pub(crate) fn next_end(&self, now: Time) -> Option<Duration> {
        self.releases.iter().map(|release| now.until(release.until)).min()
    }

    /// All of them.
    pub(crate) fn releases(&self) -> &[Release] {
        &self.releases
    }

    /// Their rules; of one that has none in this nDPI, why.
    pub(crate) fn rules(&self, names: &Vocabulary) -> Result<Vec<Rule>, (u32, String)> {
        let each = self.releases.iter().map(|it| rules_of(it, names));
        Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

fn rules_of(release: &Release, names: &Vocabulary) -> Result<Vec<Rule>, (u32, String)> {
    let what = match &release.what {
        Released::Host(name) => Exemption::Host(name),
        Released::App(name) => Exemption::App(name),
        Released::Flow(name) => Exemption::Flow(name),
    };
    what.rules(release.release, names).map_err(|why| (release.release, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn at(second: u64) -> Time {
        Time::from_ns(second * 1_000_000_000)
    }

    fn host(name: &str) -> Released {
        Released::Host(name.into())
    }

    fn numbers(releases: &[Release]) -> Vec<u32> {
        releases.iter().map(|release| release.release).collect()
    }

    #[test]
    fn each_ends_by_itself_and_its_number_is_not_used_again() {
        let mut book = Book::default();
        assert_eq!(book.next_end(at(0)), None);
        book.add(&host("a.example"), at(0), MINUTE).unwrap();
        book.add(&host("b.example"), at(10), MINUTE).unwrap();
        assert_eq!(book.next_end(at(20)), Some(Duration::from_secs(40)));
        assert_eq!(numbers(&book.end_due(at(59))), [0; 0]);
        assert_eq!(numbers(&book.end_due(at(60))), [1]);
        assert_eq!(book.next_end(at(1000)), Some(Duration::ZERO));
        assert_eq!(book.end(1), Err(BookError::Unknown(1)));
        assert_eq!(book.end(2).unwrap().what, host("b.example"));
        let next = book.add(&host("a.example"), at(70), MINUTE).unwrap();
        assert_eq!((next.release, next.since, next.until), (3, at(70), at(130)));
    }

    #[test]
    fn what_passes_already_gets_another_end() {
        let mut book = Book::default();
        book.add(&host("a.example"), at(0), MINUTE).unwrap();
        let longer = book.add(&host("a.example"), at(30), 10 * MINUTE).unwrap();
        assert_eq!((longer.release, longer.since, longer.until), (1, at(0), at(630)));
        let shorter = book.add(&host("a.example"), at(31), MINUTE).unwrap();
        assert_eq!((book.releases(), shorter.until), (&[shorter.clone()][..], at(91)));
    }

    #[test]
    fn there_are_bounds() {
        let mut book = Book::default();
        for wrong in [Duration::ZERO, Duration::from_millis(999), LONGEST + MINUTE] {
            assert_eq!(book.add(&host("a.example"), at(0), wrong), Err(BookError::Time));
        }
        for number in 0..MOST {
            book.add(&host(&format!("{number}.example")), at(0), LONGEST).unwrap();
        }
        assert_eq!(book.add(&host("a.example"), at(0), MINUTE), Err(BookError::Full));
        assert!(book.add(&host("0.example"), at(0), MINUTE).is_ok());
        let names = Vocabulary::default();
        assert_eq!(book.rules(&names).unwrap().len(), MOST);
        book.end(7).unwrap();
        book.add(&Released::App("Nothing".into()), at(0), MINUTE).unwrap();
        assert_eq!(book.rules(&names).unwrap_err().0, 33);
    }
}
