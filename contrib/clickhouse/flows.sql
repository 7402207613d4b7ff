-- Flows of ndpi-xdp in ClickHouse: docs/outputs.md#clickhouse. A column for each field of records (docs/records.md), by the
-- same name; what a record does not have is empty or 0 here.
--
-- clickhouse-client --queries-file flows.sql

CREATE DATABASE IF NOT EXISTS ndpi;

-- A record that comes twice is there once, when parts have been merged, or with FINAL.
CREATE TABLE IF NOT EXISTS ndpi.flows
(
    type LowCardinality(String),
    time DateTime64(6, 'UTC'),
    instance LowCardinality(String),
    capture LowCardinality(String),
    iface LowCardinality(String),
    vlan UInt16,
    tunnels UInt8,
    proto UInt8,
    src IPv6,
    sport UInt16,
    dst IPv6,
    dport UInt16,
    src_mac String,
    dst_mac String,
    packets UInt64,
    bytes UInt64,
    packets_to_server UInt64,
    bytes_to_server UInt64,
    packets_to_client UInt64,
    bytes_to_client UInt64,
    inspected UInt16,
    state LowCardinality(String),
    app LowCardinality(String),
    app_id UInt16,
    master_id UInt16,
    category LowCardinality(String),
    confidence LowCardinality(String),
    breed LowCardinality(String),
    guessed Bool,
    incomplete Bool,
    hostname String,
    ja4 String,
    alpn LowCardinality(String),
    risks Array(LowCardinality(String)),
    risk_score UInt16,
    findings Array(LowCardinality(String)),
    action LowCardinality(String),
    rule LowCardinality(String),
    decided_by LowCardinality(String),
    revision UInt32,
    dry_run Bool,
    adopted Bool,
    leaked UInt64,
    dropped UInt64,
    tunnel Tuple(kind String, src String, dst String, tenant UInt32, outer_tenant UInt32),
    first_seen DateTime64(6, 'UTC'),
    last_seen DateTime64(6, 'UTC'),
    duration_us UInt64,
    end LowCardinality(String),
    part UInt32,
    delta Tuple(packets_to_server UInt64, bytes_to_server UInt64, packets_to_client UInt64, bytes_to_client UInt64,
        dropped UInt64),
    tcp_fingerprint String,
    tcp_os LowCardinality(String),
    tls_version LowCardinality(String),
    tls_cipher LowCardinality(String),
    tls_subject String,
    tls_issuer String,
    tls_names Array(String),
    http_method LowCardinality(String),
    http_url String,
    http_user_agent String,
    http_status UInt16,
    dns_query String,
    dns_type UInt16,
    dns_code UInt16,
    dns_answers Array(String),
    -- What crossed since the flow's last record: sums of these count nothing twice, whichever records there are.
    new_packets UInt64 MATERIALIZED if(part = 0, packets, delta.packets_to_server + delta.packets_to_client),
    new_bytes UInt64 MATERIALIZED if(part = 0, bytes, delta.bytes_to_server + delta.bytes_to_client),
    new_dropped UInt64 MATERIALIZED if(part = 0, dropped, delta.dropped)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(last_seen)
ORDER BY (instance, capture, app, first_seen, src, sport, dst, dport, proto, vlan, part)
TTL toDateTime(last_seen) + INTERVAL 90 DAY;
