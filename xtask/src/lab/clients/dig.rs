//! dig.

use std::net::IpAddr;

use super::call::{Answer, Output, PATIENCE, Setting, reason, record_type};
use crate::lab::requests::{Family, Request};

pub(super) fn arguments(request: &Request, setting: &Setting) -> Vec<String> {
    let (server, from) = (setting.server, setting.from);
    vec![
        // Its own options and no others.
        "-r".to_owned(),
        format!("@{server}"),
        "-b".to_owned(),
        format!("{}#{}", from.ip(), from.port()),
        format!("+time={}", PATIENCE.as_secs()),
        "+tries=1".to_owned(),
        "+short".to_owned(),
        request.name.to_owned(),
        record_type(request.family).to_owned(),
    ]
}

/// The address, which must be the one that the lab's name server was told.
pub(super) fn answer(family: Family, output: &Output) -> Answer {
    let address = output.stdout.lines().find_map(|line| line.parse::<IpAddr>().ok());
    match address {
        Some(address) if address == family.server() => Ok(address.to_string()),
        Some(address) => Err(format!("{address}, which is not the lab's server")),
        None => Err(reason(&output.stdout)),
    }
}
