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

/// All of them. 13 to 21 need ZooKeeper, and are not here yet.
pub const ROWS: &[Row] = &[
    Row { id: 1, name: "Kill", what: "SIGKILL to 1 of 5 servers under calls and streams", run: kill::one },
    Row { id: 2, name: "Freeze", what: "SIGSTOP to 1 of 5 servers, later SIGCONT", run: freeze::run },
    Row { id: 5, name: "One slow", what: "1 of 10 servers takes 10 times as long", run: slow::one_of_ten },
    Row { id: 6, name: "Two slow", what: "2 of 4 servers take 10 times as long", run: slow::two_of_four },
    Row {
        id: 7,
        name: "Black hole",
        what: "1 of 10 servers refuses every call at once",
        run: slow::black_hole,
    },
    Row {
        id: 22,
        name: "Rolling restart",
        what: "SIGTERM to each of 5 servers in turn",
        run: restart::orderly,
    },
    Row { id: 23, name: "Rolling kill", what: "SIGKILL to each of 5 servers in turn", run: restart::killed },
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
];
