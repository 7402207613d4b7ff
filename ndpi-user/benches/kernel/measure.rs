//! Interleaved measuring: every path once, then every path again, and so on, so that what slows
//! the machine for a while slows them all.

use std::error::Error;
use std::os::fd::{AsFd, OwnedFd};

use testkit::bpf::call;

use crate::cases::{Case, How};

/// A path, and what it cost in each round, in nanoseconds, sorted.
pub(crate) struct Measured {
    pub(crate) path: String,
    pub(crate) family: &'static str,
    pub(crate) flows: u32,
    nanoseconds: Vec<f64>,
}

impl Measured {
    pub(crate) fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// The quartiles.
    pub(crate) fn quartiles(&self) -> (f64, f64) {
        (self.at(0.25), self.at(0.75))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small index")]
    fn at(&self, share: f64) -> f64 {
        let last = self.nanoseconds.len() - 1;
        self.nanoseconds[(last as f64 * share).round() as usize]
    }
}

/// Measures every case so many times.
pub(crate) fn interleaved(
    cases: &mut [Case],
    rounds: usize,
) -> Result<Vec<Measured>, Box<dyn Error>> {
    let mut results: Vec<_> = cases
        .iter()
        .map(|case| Measured {
            path: case.path.clone(),
            family: case.family,
            flows: case.flows,
            nanoseconds: Vec::with_capacity(rounds),
        })
        .collect();
    // The first round only warms up.
    for round in 0..=rounds {
        for (case, result) in cases.iter_mut().zip(&mut results) {
            let nanoseconds = once(case)?;
            if round > 0 {
                result.nanoseconds.push(nanoseconds);
            }
        }
    }
    for result in &mut results {
        result.nanoseconds.sort_by(f64::total_cmp);
    }
    Ok(results)
}

fn once(case: &mut Case) -> Result<f64, Box<dyn Error>> {
    let run = |program: &OwnedFd| call::run(program.as_fd(), &case.frame, case.repeat);
    let (answer, spent) = match &case.how {
        How::Alone(program) => {
            let run = run(program)?;
            (run.answer, f64::from(run.nanoseconds))
        }
        // The driver with the program, with the driver's own cost taken off.
        How::Driven { with, without, empty } => {
            let (with, without, empty) = (run(with)?, run(without)?, run(empty)?);
            let driver = f64::from(without.nanoseconds) - f64::from(empty.nanoseconds);
            (with.answer, f64::from(with.nanoseconds) - driver)
        }
    };
    (case.after)()?;
    if answer != case.answer {
        let path = &case.path;
        return Err(format!("{path}: the program answered {answer}, not {}", case.answer).into());
    }
    Ok(spent)
}
