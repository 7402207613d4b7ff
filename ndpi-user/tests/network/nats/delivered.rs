//! `run --output json:nats:…`: every record once, whatever goes away meanwhile.

use std::collections::BTreeSet;
use std::fs;

use ndpi_nats::Login;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testkit::instance::Instance;
use testkit::needs::{nats_server, needs};
use testkit::pair::Pair;
use testkit::program::PROGRAMS;
use testkit::{schema, wait_for, wait_until};

use super::process::{assert_has_no_rights, with_the_network};
use super::server::{ADDRESS, NatsServer};
use crate::family::{children, is_there};
use crate::outputs::Talk;
use crate::ready;

/// Waits for the next record of a flow that goes on, of which something has crossed.
fn report(talk: &Talk, instance: &Instance) -> Value {
    talk.exchange(3);
    instance.wait_for(|record| record["type"] == "flow-active")
}

#[test]
fn a_stream_has_every_record_once_though_the_server_and_the_courier_go_for_a_while() {
    let Some(program) = needs(nats_server()) else { return };
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    sandbox.ip("link set lo up");
    let password = sandbox.file("password", "hush\n");
    let login = Login { user: Some("me".into()), password: Some("hush".into()), token: None };
    let mut server = NatsServer::start(sandbox, program, &sandbox.folder().join("nats"), login);
    server.make_stream();
    let mut instance = sandbox.start(&format!(
        "run --iface left --json --sweep 1 --active-timeout 1 --instance r1.lan \
         --output json:nats:{ADDRESS},site=north,user=me,password-file={}",
        password.display()
    ));
    let talk = Talk::new(&pair);
    // Enough for a decision.
    talk.exchange(40);
    let mut records = vec![report(&talk, &instance)];
    wait_until(|| server.last() >= 3);

    let pid = wait_for(|| with_the_network(&instance, "courier"));
    assert_has_no_rights(pid);

    server.kill();
    records.push(report(&talk, &instance));
    instance.wait_to_say(&format!("cannot write records to nats:{ADDRESS}: "));
    server.resume();
    instance.wait_to_say(&format!("records are written to nats:{ADDRESS} again; 0 lost so far"));

    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
    records.push(report(&talk, &instance));
    instance
        .wait_to_say("the process that has the network was ended by signal 9; starting another");
    wait_until(|| with_the_network(&instance, "courier").is_ok_and(|other| other != pid));

    // With the one that watches it, it ends as well, and the spare goes on.
    let session = Pid::from_raw(instance.pid().cast_signed()).unwrap();
    let watcher = children(session)["ndpi-net-keeper"];
    let spare = children(watcher)["ndpi-net-spare"];
    kill_process(watcher, Signal::KILL).unwrap();
    records.push(report(&talk, &instance));
    instance.wait_to_say("the process that watches one with the network was ended; its spare goes");
    wait_until(|| {
        let its = children(spare);
        its.contains_key("ndpi-net") && its.contains_key("ndpi-net-spare")
    });
    let name = || fs::read_to_string(format!("/proc/{}/comm", spare.as_raw_nonzero())).unwrap();
    wait_until(|| name() == "ndpi-net-keeper\n");
    records.push(report(&talk, &instance));
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    records.extend(instance.rest());
    wait_until(|| !is_there(spare));

    let messages = server.messages();
    let found: Vec<Value> = messages
        .iter()
        .map(|it| schema::record(std::str::from_utf8(&it.payload).unwrap()))
        .collect();
    // Those before it were passed over by whoever waited for these.
    for record in &records {
        let times = found.iter().filter(|it| *it == record).count();
        assert_eq!(times, 1, "{record} among {found:#?}");
    }
    let ids: BTreeSet<_> = messages.iter().map(|it| it.header("Nats-Msg-Id").unwrap()).collect();
    assert_eq!(ids.len(), messages.len());
    assert!(ids.iter().all(|id| id.starts_with("ndpi.v1.north.r1_lan.")), "{ids:?}");
    for (message, record) in messages.iter().zip(&found) {
        let of_flow = record["type"].as_str().unwrap().strip_suffix("-active");
        let kind = of_flow.unwrap_or_else(|| record["type"].as_str().unwrap());
        assert_eq!(message.header("Nats-Subject"), Some(&*format!("ndpi.v1.north.r1_lan.{kind}")));
    }
    let count = |kind: &str| found.iter().filter(|record| record["type"] == kind).count();
    assert_eq!((count("verdict"), count("flow")), (1, 1));
    assert_eq!(found.last().unwrap()["state"], "stopped");
    assert_eq!(found.last().unwrap()["lost_records"], Value::Null);
}

#[test]
fn a_server_that_never_comes_loses_what_there_was_and_keeps_nobody_waiting() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let mut instance =
        pair.sandbox.start("run --iface left --json --output json:nats:127.0.0.1:4222");
    instance.wait_to_say("cannot write records to nats:127.0.0.1:4222: cannot connect: ");
    let pid = wait_for(|| with_the_network(&instance, "courier"));
    assert_eq!(instance.end(Signal::TERM).code(), Some(1), "{}", instance.stderr());
    instance.wait_to_say("records could not be written to nats:127.0.0.1:4222: cannot connect: ");
    wait_until(|| !fs::exists(format!("/proc/{pid}")).unwrap());
}
