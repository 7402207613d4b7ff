//! The processes of an instance.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;

use rustix::process::{Pid, test_kill_process};
use testkit::sandbox::Sandbox;
use testkit::wait_until;

use crate::status::status;

/// Those of an instance that is complete, and has a policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    pub session: Pid,
    /// The one that nDPI is started from.
    pub keeper: Pid,
    /// The one that takes its place.
    pub spare: Pid,
    /// The one that nDPI works in.
    pub worker: Pid,
    /// The one that has policies read.
    pub policies: Pid,
    /// The one that takes the place of that.
    pub policies_spare: Pid,
}

impl Family {
    /// That of the instance in `sandbox`, when it is complete: some of it may just be started again.
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        let (status, _) = status(sandbox);
        let session = i32::try_from(status["pid"].as_u64().unwrap()).unwrap();
        let session = Pid::from_raw(session).unwrap();
        let family = Cell::new(None);
        wait_until(|| {
            family.set(Self::complete(session));
            family.get().is_some()
        });
        family.get().unwrap()
    }

    fn complete(session: Pid) -> Option<Self> {
        let own = children(session);
        let (keeper, spare) = (*own.get("ndpi-keeper")?, *own.get("ndpi-spare")?);
        let worker = *children(keeper).get("ndpi-worker")?;
        let (policies, policies_spare) = (*own.get("ndpi-policies")?, *own.get("ndpi-pol-spare")?);
        Some(Self { session, keeper, spare, worker, policies, policies_spare })
    }
}

/// The processes that `parent` has started and that are there, by their names.
pub(crate) fn children(parent: Pid) -> BTreeMap<String, Pid> {
    let parent = parent.as_raw_nonzero().to_string();
    let of_parent = |id: &str| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let (name, fields) = stat.split_once('(')?.1.rsplit_once(')')?;
        let mut fields = fields.split_whitespace();
        let lives = fields.next()? != "Z";
        let is_child = lives && fields.next()? == parent;
        is_child.then(|| Some((name.to_owned(), Pid::from_raw(id.parse().ok()?)?)))?
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|process| of_parent(process.file_name().to_str()?)).collect()
}

/// Whether there is such a process.
pub(crate) fn is_there(process: Pid) -> bool {
    test_kill_process(process).is_ok()
}
