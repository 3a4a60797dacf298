//! The table of the rows.

use crate::report::{Report, Trouble};
use crate::rig::Rig;
use crate::rows::*;

/// One row of the matrix.
pub struct Row {
    /// Its number.
    pub id: u32,
    /// What is broken.
    pub name: &'static str,
    /// How, and under which load.
    pub what: &'static str,
    /// Breaks it, and measures.
    pub run: fn(&Rig, &mut Report) -> Result<(), Trouble>,
}

/// All of them. 13 to 20 have an ensemble of three ZooKeepers.
pub const ROWS: &[Row] = &[
    Row { id: 1, name: "Kill", what: "SIGKILL to 1 of 5 servers under calls and streams", run: kill::one },
    Row { id: 2, name: "Freeze", what: "SIGSTOP to 1 of 5 servers, later SIGCONT", run: freeze::run },
    Row {
        id: 3,
        name: "Half open",
        what: "1 of 5 servers vanishes from the network",
        run: network::half_open,
    },
    Row {
        id: 4,
        name: "RST storm",
        what: "a tenth of the connections is reset each second",
        run: broken::storm,
    },
    Row { id: 5, name: "One slow", what: "1 of 10 servers takes 10 times as long", run: slow::one_of_ten },
    Row { id: 6, name: "Two slow", what: "2 of 4 servers take 10 times as long", run: slow::two_of_four },
    Row {
        id: 7,
        name: "Black hole",
        what: "1 of 10 servers refuses every call at once",
        run: slow::black_hole,
    },
    Row { id: 8, name: "Loss", what: "1 % and 5 % of all packets are lost", run: network::loss },
    Row { id: 9, name: "Partition", what: "2 of 5 servers are gone for 30 s", run: network::partition },
    Row { id: 10, name: "One way", what: "the replies of 1 of 5 servers are lost", run: network::one_way },
    Row { id: 11, name: "Crawl", what: "100 ms more ± 50 ms, and each byte by itself", run: broken::crawl },
    Row { id: 12, name: "Narrow", what: "1 Mbit/s for one reader of a stream", run: readers::narrow },
    Row {
        id: 13,
        name: "Leader",
        what: "SIGKILL to the leader of ZooKeeper, 10 times",
        run: zookeeper::leader,
    },
    Row { id: 14, name: "No registry", what: "all of ZooKeeper is down for 60 s", run: zookeeper::outage },
    Row {
        id: 15,
        name: "Cold start",
        what: "a client starts while ZooKeeper is down",
        run: zookeeper::cold_start,
    },
    Row {
        id: 16,
        name: "Unseen change",
        what: "a server dies and one starts while ZooKeeper is down",
        run: zookeeper::unseen_change,
    },
    Row {
        id: 17,
        name: "Expiry",
        what: "SIGSTOP to 1 of 5 servers for longer than its session",
        run: registration::expiry,
    },
    Row {
        id: 18,
        name: "Mass expiry",
        what: "the sessions of all servers expire, the servers live",
        run: zookeeper::mass_expiry,
    },
    Row {
        id: 19,
        name: "Rogue delete",
        what: "somebody deletes the node of a server, and all with their parent",
        run: registration::rogue,
    },
    Row {
        id: 20,
        name: "Watch herd",
        what: "200 clients watch 50 services, each of which changes",
        run: herd::run,
    },
    Row {
        id: 21,
        name: "No access",
        what: "wrong ACL, digest, SASL password and CA",
        run: registration::access,
    },
    Row {
        id: 22,
        name: "Rolling restart",
        what: "SIGTERM to each of 5 servers in turn",
        run: restart::orderly,
    },
    Row { id: 23, name: "Rolling kill", what: "SIGKILL to each of 5 servers in turn", run: restart::killed },
    Row {
        id: 25,
        name: "Slow readers",
        what: "100 readers of streams take 0 or 1 KiB/s",
        run: readers::slow,
    },
    Row {
        id: 26,
        name: "Oversize",
        what: "headers that promise 4 GiB, or 16 MiB and 1",
        run: bytes::oversize,
    },
    Row { id: 27, name: "Slowloris", what: "5000 connections with 1 byte in 10 s", run: bytes::slowloris },
    Row { id: 28, name: "Garbage", what: "a million broken frames (tests/hostile)", run: elsewhere::garbage },
    Row { id: 29, name: "Ids", what: "ids in use, too high, unknown and late", run: ids::run },
    Row { id: 30, name: "Churn", what: "connect, call and close without a pause", run: crowd::churn },
    Row {
        id: 31,
        name: "Descriptors",
        what: "300 connections to a server with 256",
        run: crowd::descriptors,
    },
    Row { id: 32, name: "Overload", what: "3 times what 8 workers can do", run: overload::threefold },
    Row {
        id: 33,
        name: "Retry storm",
        what: "all 5 servers refuse all calls for a while",
        run: overload::storm,
    },
    Row {
        id: 34,
        name: "Greedy client",
        what: "1 of 10 clients overloads the server",
        run: overload::greedy,
    },
    Row { id: 35, name: "Cluster proxy", what: "SIGKILL to 1 of 2 proxies", run: elsewhere::proxy },
    Row { id: 36, name: "JSON bombs", what: "deep, wide and odd JSON", run: bytes::bombs },
];
