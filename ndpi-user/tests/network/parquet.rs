//! `run --output parquet:…`, as analysts read it.

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use testkit::needs::{needs, python};
use testkit::pair::Pair;
use testkit::program::{PROGRAMS, run};
use testkit::wait_until;

use crate::outputs::Talk;
use crate::ready;

/// Whole files in a folder.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name());
    entries.filter(|it| it.to_string_lossy().ends_with("Z.parquet")).count()
}

/// What a program of Python prints.
pub(crate) fn printed(mut python: Command, program: &str, folder: &Path) -> Value {
    let run = run(python.args(["-c", program]).arg(folder));
    assert_eq!(run.code, Some(0), "{run:#?}");
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:#?}"))
}

const BY_DUCKDB: &str = "
import duckdb, json, sys
rows = duckdb.sql(f\"\"\"select type, src, dport, packets_to_server, bytes_to_client, len(risks), part,
    epoch_us(first_seen) from '{sys.argv[1]}/*.parquet' order by part\"\"\")
print(json.dumps(rows.fetchall()))
";

const BY_PANDAS: &str = "
import json, pandas, sys
rows = pandas.read_parquet(sys.argv[1]).sort_values('part')
print(json.dumps([[row['type'], row['src'], int(row['dport']), int(row['packets_to_server']),
    int(row['bytes_to_client']), len(row['risks']), int(row['part']),
    row['first_seen'].value // 1000] for _, row in rows.iterrows()]))
";

#[test]
fn duckdb_and_pandas_read_the_same_flows_as_are_in_the_records() {
    let Some(python) = needs(python(&["duckdb", "pandas", "pyarrow"])) else { return };
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let folder = pair.sandbox.folder().join("parquet");
    std::fs::create_dir(&folder).unwrap();
    let mut instance = pair.sandbox.start(&format!(
        "run --iface left --json --sweep 1 --active-timeout 1 --output parquet:{}/flows.parquet",
        folder.display()
    ));
    let talk = Talk::new(&pair);
    let is_active = |record: &Value| record["type"] == "flow-active";
    talk.exchange(40);
    let first = instance.wait_for(is_active);
    // Who wants to read now asks for a file.
    instance.signal(Signal::HUP);
    wait_until(|| files(&folder) == 1);
    talk.exchange(3);
    let second = instance.wait_for(is_active);
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let last = instance.rest().into_iter().find(|record| record["type"] == "flow").unwrap();
    assert_eq!(files(&folder), 2);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "nothing is left of them");

    let expected = [first, second, last].map(|record| {
        let micros = record["first_seen"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let risks = record["risks"].as_array().map_or(0, Vec::len);
        let mut row = ["type", "src", "dport", "packets_to_server", "bytes_to_client"]
            .map(|name| record[name].clone())
            .to_vec();
        row.extend([risks.into(), record["part"].clone(), micros.as_microsecond().into()]);
        Value::Array(row)
    });
    for program in [BY_DUCKDB, BY_PANDAS] {
        assert_eq!(printed(python(), program, &folder), Value::Array(expected.to_vec()));
    }
}
