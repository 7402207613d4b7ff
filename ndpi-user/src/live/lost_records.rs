//! Records that were not written: said when it begins and when it is over, of each who writes some.

use std::time::Duration;

use ndpi_events::Losses;

/// How long nobody may lose a record before it is over.
const QUIET: Duration = Duration::from_mins(1);

/// Those who write records, and what each has lost.
#[derive(Debug)]
pub(super) struct RecordLosses(Vec<Writer>);

#[derive(Debug)]
struct Writer {
    name: String,
    losses: Losses,
    /// What it had lost when it was last looked at.
    lost: u64,
    loses: Option<Spell>,
}

/// A time in which records are lost.
#[derive(Clone, Copy, Debug)]
struct Spell {
    /// What had been lost before.
    before: u64,
    /// When the last loss was seen, in nanoseconds.
    last_ns: u64,
}

impl RecordLosses {
    pub(super) fn new(writers: &[(String, Losses)]) -> Self {
        let writer = |(name, losses): &(String, Losses)| {
            let (name, losses) = (name.clone(), losses.clone());
            Writer { name, losses, lost: 0, loses: None }
        };
        Self(writers.iter().map(writer).collect())
    }

    /// What is to be said at this time: how many records, and in words.
    pub(super) fn look(&mut self, now_ns: u64) -> Vec<(u64, String)> {
        self.0.iter_mut().filter_map(|writer| writer.look(now_ns)).collect()
    }
}

impl Writer {
    fn look(&mut self, now_ns: u64) -> Option<(u64, String)> {
        // Whoever has gone was reported when that was found.
        if self.losses.is_closed() {
            return None;
        }
        let before = std::mem::replace(&mut self.lost, self.losses.lost());
        let (lost, name) = (self.lost, &self.name);
        match &mut self.loses {
            None if lost > before => {
                self.loses = Some(Spell { before, last_ns: now_ns });
                let why = self
                    .losses
                    .failure()
                    .unwrap_or_else(|| "whoever reads them is too slow, or has stopped".to_owned());
                let count = lost - before;
                Some((count, format!("{name}: records are being lost ({count} so far): {why}")))
            }
            Some(spell) if lost > before => {
                spell.last_ns = now_ns;
                None
            }
            Some(Spell { before, last_ns })
                if u128::from(now_ns.saturating_sub(*last_ns)) >= QUIET.as_nanos() =>
            {
                let count = lost - *before;
                self.loses = None;
                Some((count, format!("{name}: no record was lost for a minute; {count} were")))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_loss_is_said_when_it_begins_and_when_it_is_over() {
        let (slow, fine) = (Losses::default(), Losses::default());
        let all = [("json:/a".to_owned(), slow.clone()), ("csv:/b".to_owned(), fine)];
        let mut losses = RecordLosses::new(&all);
        assert_eq!(losses.look(0), []);
        let mut said = Vec::new();
        for second in 1..=200 {
            if second <= 100 {
                slow.lose_many(7);
            }
            said.extend(losses.look(second * SECOND).into_iter().map(|it| (second, it)));
        }
        let [(1, (7, begin)), (160, (700, end))] = &said[..] else { panic!("{said:?}") };
        assert!(
            begin.starts_with("json:/a: records are being lost (7 so far): whoever"),
            "{begin}"
        );
        assert_eq!(end, "json:/a: no record was lost for a minute; 700 were");
    }

    #[test]
    fn a_loss_says_what_fails_and_a_closed_reader_is_not_said_again() {
        let losses = Losses::default();
        losses.set_failure(Some("No space left on device".into()));
        losses.lose_many(1);
        let mut all = RecordLosses::new(&[("json:/a".to_owned(), losses.clone())]);
        assert!(all.look(SECOND)[0].1.ends_with("(1 so far): No space left on device"));
        losses.lose_many(1);
        losses.close();
        assert_eq!(all.look(100 * SECOND), []);
    }
}
