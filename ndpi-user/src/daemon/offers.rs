//! A policy that a fleet's bucket has for this instance.

use ndpi_events::{Offered, ReloadResult, Reloaded, Time};
use ndpi_policy::Diagnostics;
use ndpi_text::shown;

use super::reload::Reloader;
use crate::control::Reload;
use crate::files::Look;
use crate::fleet::{Offer, PolicyCopy};
use crate::policy_files::{GivenPolicy, Named, PolicyFiles};

impl Reloader {
    /// Takes it if it is without errors: it is on the disk before it is in force, so that the next start goes on with it.
    /// Where it is there already and in force, nothing is done.
    pub(super) fn take_offer(&mut self, offer: &Offer) -> Reloaded {
        let copy = PolicyCopy::at(&self.path);
        if self.is_of_file && copy.is(&offer.text) {
            return self.has_it(&offer.from);
        }
        let mut quoted = None;
        let reload = self.guarded(|this| this.check_and_take(offer, &copy, &mut quoted));
        let reloaded = self.finish(&reload, Some(&offer.from));
        Reloaded { problems: quoted.unwrap_or(reloaded.problems), ..reloaded }
    }

    /// Puts the problems of a policy that is refused into `quoted`, as whoever has written it may see them.
    fn check_and_take(
        &mut self,
        offer: &Offer,
        copy: &PolicyCopy,
        quoted: &mut Option<String>,
    ) -> Reload {
        let files = GivenPolicy::new(&self.path, &offer.text, PolicyFiles::left_alone());
        let problems = match self.read(&files) {
            Err(refused) => return *refused,
            Ok(Ok(policy)) => policy.diagnostics().clone(),
            Ok(Err(problems)) => {
                *quoted = Some(self.quoting_the_policy(problems.clone()));
                return self.report(&problems);
            }
        };
        if let Err(error) = copy.replace(&offer.text) {
            let path = shown(&self.path);
            let error = format!("its copy cannot be written to {path}: {error}");
            return Reload { error: Some(error), ..self.report(&problems) };
        }
        // What is known to be there is no change that somebody else has made.
        let own = Named { path: self.path.clone(), look: Look::at(&self.path).ok().flatten() };
        self.watch(&[vec![own], files.named()].concat());
        self.reload()
    }

    /// Problems with the lines of the policy, which whoever is told has written, and with nothing of lists here.
    fn quoting_the_policy(&self, problems: Diagnostics) -> String {
        let help = "nothing of lists on this machine is shown here";
        problems.without_lines(help, |path| path != self.path).render(false)
    }

    /// The policy in force is the one that is offered.
    fn has_it(&self, from: &Offered) -> Reloaded {
        let result = ReloadResult {
            taken: true,
            policy: shown(&self.path).to_string(),
            rules: Some(self.policy.rules().len() as u64),
            ..ReloadResult::default()
        };
        Reloaded { time: Time::now(), result, offered: Some(from.clone()), ..Reloaded::default() }
    }
}
