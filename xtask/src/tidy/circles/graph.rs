//! Which file uses which, and where that goes round.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};

/// Files, the files they use, and the line where they first do.
#[derive(Clone, Default)]
pub(super) struct Graph(BTreeMap<PathBuf, BTreeMap<PathBuf, usize>>);

/// Files of which each uses, however far down, all others.
pub(super) struct Circle {
    files: usize,
    /// The shortest way round: each file with the line where it uses the next.
    shortest: Vec<(PathBuf, usize)>,
}

impl Graph {
    pub(super) fn add(&mut self, user: &Path, used: &Path, line: usize) {
        if user != used {
            let first = self.0.entry(user.into()).or_default().entry(used.into()).or_insert(line);
            *first = line.min(*first);
        }
    }

    /// The graph without some of its edges.
    pub(super) fn without(&self, is_left_out: impl Fn(&Path, &Path) -> bool) -> Self {
        let mut rest = self.clone();
        for (user, used) in &mut rest.0 {
            used.retain(|used, _| !is_left_out(user, used));
        }
        rest
    }

    /// Whether one of some edges is part of a circle.
    pub(super) fn has_circle_through(&self, is_meant: impl Fn(&Path, &Path) -> bool) -> bool {
        self.0.iter().any(|(user, used)| {
            used.keys()
                .any(|used| is_meant(user, used) && self.reached(used).contains(user.as_path()))
        })
    }

    pub(super) fn circles(&self) -> Vec<Circle> {
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for file in self.0.keys() {
            if seen.contains(file.as_path()) {
                continue;
            }
            let reached = self.reached(file);
            let round = |other: &&&Path| self.reached(other).contains(file.as_path());
            let members: BTreeSet<_> = reached.iter().filter(round).copied().collect();
            seen.extend(members.iter().copied());
            let ways = members.iter().filter_map(|member| self.way_round(member));
            let shortest = ways.min_by_key(Vec::len);
            circles.extend(shortest.map(|shortest| Circle { files: members.len(), shortest }));
        }
        circles
    }

    fn used_by(&self, file: &Path) -> impl Iterator<Item = (&Path, usize)> {
        let used = self.0.get(file).into_iter().flatten();
        used.map(|(used, line)| (used.as_path(), *line))
    }

    /// What a file uses, however far down; itself only where there is a circle.
    fn reached(&self, file: &Path) -> BTreeSet<&Path> {
        self.steps(file).into_keys().collect()
    }

    /// For each file that is reached: the file before it on a shortest way, and the line there.
    fn steps(&self, file: &Path) -> BTreeMap<&Path, (PathBuf, usize)> {
        let mut steps = BTreeMap::new();
        let mut next = VecDeque::from([file]);
        while let Some(user) = next.pop_front() {
            for (used, line) in self.used_by(user) {
                if !steps.contains_key(used) {
                    steps.insert(used, (user.to_path_buf(), line));
                    next.push_back(used);
                }
            }
        }
        steps
    }

    fn way_round(&self, file: &Path) -> Option<Vec<(PathBuf, usize)>> {
        let steps = self.steps(file);
        let mut way = vec![steps.get(file)?.clone()];
        while let Some((user, _)) = way.last().filter(|(user, _)| user != file) {
            way.push(steps.get(user.as_path())?.clone());
        }
        way.reverse();
        Some(way)
    }
}

impl fmt::Display for Circle {
    fn fmt(&self, output: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, _)) = self.shortest.first() else { return Ok(()) };
        write!(output, "{}: a circle of {} files: ", first.display(), self.files)?;
        for (file, line) in &self.shortest {
            write!(output, "{}:{line} uses ", file.display())?;
        }
        write!(output, "{}", first.display())
    }
}
