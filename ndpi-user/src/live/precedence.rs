//! Others that see packets at egress before we do. What they let pass for good (`TCX_PASS`) or redirect
//! is neither seen nor blocked here; nothing else tells that it happens.

/// What is known of one interface's egress now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Egress {
    /// Programs and filters before ours, in words.
    pub(super) before: Vec<String>,
    /// Packets that have left through it.
    pub(super) sent: u64,
    /// Packets that our programs have seen at egress, of all interfaces.
    pub(super) seen: u64,
}

/// What has changed with an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Others are before us, or others than until now.
    Behind(Vec<String>),
    /// Of the packets that left since the last look, most were not seen.
    Blind {
        /// Packets that left.
        sent: u64,
        /// Packets that were seen, of all interfaces.
        seen: u64,
    },
    /// Nobody is before us any more.
    First,
}

/// Fewer packets than this say nothing: there are ways out that TC is not on.
const TELLING: u64 = 10;

/// What was known of an interface at the last look.
#[derive(Debug, Default)]
pub(super) struct Precedence {
    last: Egress,
    blind: bool,
    looked: bool,
}

impl Precedence {
    /// Takes in what is known now, and gives what there is to say of it.
    pub(super) fn look(&mut self, now: Egress) -> Vec<Change> {
        let mut changes = Vec::new();
        if now.before != self.last.before {
            let first = now.before.is_empty();
            changes.push(if first { Change::First } else { Change::Behind(now.before.clone()) });
            self.blind = false;
        }
        let sent = now.sent.saturating_sub(self.last.sent);
        let seen = now.seen.saturating_sub(self.last.seen);
        let hidden = sent >= TELLING && seen < sent / 2 && !now.before.is_empty();
        if self.looked && hidden && !self.blind {
            self.blind = true;
            changes.push(Change::Blind { sent, seen });
        }
        (self.last, self.looked) = (now, true);
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn egress(before: &[&str], sent: u64, seen: u64) -> Egress {
        Egress { before: before.iter().map(|&it| it.to_owned()).collect(), sent, seen }
    }

    #[test]
    fn it_is_said_once_that_others_are_before_us_and_when_they_are_gone() {
        let mut precedence = Precedence::default();
        assert_eq!(precedence.look(egress(&[], 5, 5)), []);
        let behind = Change::Behind(vec!["a".into()]);
        assert_eq!(precedence.look(egress(&["a"], 50, 50)), [behind]);
        assert_eq!(precedence.look(egress(&["a"], 90, 90)), []);
        assert_eq!(precedence.look(egress(&[], 99, 99)), [Change::First]);
    }

    #[test]
    fn packets_that_leave_unseen_behind_somebody_are_told_once() {
        let mut precedence = Precedence::default();
        precedence.look(egress(&["a"], 1000, 0));
        assert_eq!(precedence.look(egress(&["a"], 1009, 0)), [], "too few");
        let blind = Change::Blind { sent: 40, seen: 3 };
        assert_eq!(precedence.look(egress(&["a"], 1049, 3)), [blind]);
        assert_eq!(precedence.look(egress(&["a"], 1100, 3)), []);
        assert_eq!(precedence.look(egress(&[], 1200, 3)), [Change::First]);
        assert_eq!(precedence.look(egress(&[], 1300, 3)), [], "then nobody hides them");
    }
}
