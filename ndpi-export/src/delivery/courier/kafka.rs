//! Both ends and a real broker of the Kafka protocol (Tansu), read by a client of another make (kafka-python).

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use ndpi_events::Losses;
use serde_json::Value;
use testkit::needs::{kafka_broker, needs, python};
use testkit::wait_until;

use crate::delivery::Deliverer;
use crate::delivery::courier::run_courier;
use crate::delivery::job::{CourierJob, To, subjects};
use crate::delivery::message::pair;
use crate::destination::Target as _;

const RECORDS: usize = 5000;

/// Reads so many records of a topic: partition, key, the header, the value.
const READ: &str = "
import json, sys
from kafka import KafkaConsumer, TopicPartition
reader = KafkaConsumer(bootstrap_servers=sys.argv[1], consumer_timeout_ms=10000)
parts = [TopicPartition(sys.argv[2], number) for number in reader.partitions_for_topic(sys.argv[2])]
reader.assign(parts)
reader.seek_to_beginning()
found = []
for it in reader:
    found.append([it.partition, it.key.decode(), [[name, value.decode()] for name, value in it.headers], it.value.decode()])
    if len(found) == int(sys.argv[3]):
        break
print(json.dumps(found))
";

/// A broker, until this goes.
struct Broker(Child);

impl Broker {
    fn start(program: &Path, address: &str) -> Self {
        let url = format!("tcp://{address}");
        let mut command = Command::new(program);
        command.args(["broker", "--storage-engine", "memory://test/"]);
        command.args(["--listener-url", &url, "--advertised-listener-url", &url]);
        command.env("RUST_LOG", "error").stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_broker_that_comes_later_has_each_record_once_and_in_order() {
    let Some(program) = needs(kafka_broker()) else { return };
    let Some(python) = needs(python(&["kafka"])) else { return };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let (own, other) = pair().unwrap();
    let (server, topic) = (address.parse().unwrap(), "flows".into());
    let to = To::Kafka { server, login: ndpi_kafka::Login::default(), topic };
    let job = CourierJob::new(to, subjects("north", "r1"));
    thread::spawn(move || run_courier(other, &job));
    let losses = Losses::default();
    let mut target = Deliverer::start("kafka".into(), own, losses.clone()).unwrap();

    let error = target.write(b"flow 0\n0", 1).unwrap_err().to_string();
    assert!(error.starts_with("cannot connect: Connection refused"), "{error}");
    let _broker = Broker::start(&program, &address);
    for number in 0..RECORDS {
        let record = format!("flow {number}\n{{\"number\":{number}}}");
        wait_until_taken(&mut target, record.as_bytes());
    }
    wait_until(|| target.unconfirmed() == 0);
    assert_eq!(losses.lost(), 0);

    let run = python().args(["-c", READ, &address, "flows", &RECORDS.to_string()]).output();
    let run = run.unwrap();
    let found: Value = serde_json::from_slice(&run.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&run.stderr)));
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), RECORDS);
    for (number, record) in found.iter().enumerate() {
        assert_eq!(record[0], found[0][0], "one partition");
        assert_eq!(record[1], "ndpi.v1.north.r1");
        assert_eq!(record[2][0][1], format!("ndpi.v1.north.r1.{number}"));
        assert_eq!(record[3], format!("{{\"number\":{number}}}"));
    }
}

fn wait_until_taken(target: &mut Deliverer, record: &[u8]) {
    let target = std::cell::RefCell::new(target);
    wait_until(|| target.borrow_mut().write(record, 1).is_ok());
}
