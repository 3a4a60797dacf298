//! The short form of every row: it runs to its end, and what does not depend on the speed of the machine holds.
//!
//! Bars on times are shown only, and so are bars that are known not to be met: `make faults` measures those.

use libfast_faults::ROWS;
use libfast_faults::results::Outcome;
use std::path::Path;

fn check(id: u32) {
    let row = ROWS.iter().find(|row| row.id == id).expect("a row of the table");
    let outcome = Outcome::of(row, Path::new(env!("CARGO_BIN_EXE_faults")), false);
    let text = outcome.text();
    println!("{text}");
    assert!(outcome.error.is_none(), "{text}");
    let missed: Vec<_> = outcome.figures.iter().filter(|figure| !figure.passes_test()).collect();
    assert!(missed.is_empty(), "the short form of row {id} demands more: {missed:#?}\n{text}");
}

macro_rules! rows {
    ($($name:ident $id:literal;)*) => {
        $(#[test]
        fn $name() {
            check($id);
        })*

        #[test]
        fn every_row_has_its_test() {
            let ids: Vec<_> = ROWS.iter().map(|row| row.id).collect();
            assert_eq!(ids, [$($id),*]);
        }
    };
}

rows! {
    row_01_kill 1;
    row_02_freeze 2;
    row_03_half_open 3;
    row_04_rst_storm 4;
    row_05_one_slow 5;
    row_06_two_slow 6;
    row_07_black_hole 7;
    row_08_loss 8;
    row_09_partition 9;
    row_10_one_way 10;
    row_11_crawl 11;
    row_12_narrow 12;
    row_13_leader 13;
    row_14_no_registry 14;
    row_15_cold_start 15;
    row_16_unseen_change 16;
    row_17_expiry 17;
    row_18_mass_expiry 18;
    row_19_rogue_delete 19;
    row_20_watch_herd 20;
    row_21_no_access 21;
    row_22_rolling_restart 22;
    row_23_rolling_kill 23;
    row_25_slow_readers 25;
    row_26_oversize 26;
    row_27_slowloris 27;
    row_28_garbage 28;
    row_29_ids 29;
    row_30_churn 30;
    row_31_descriptors 31;
    row_32_overload 32;
    row_33_retry_storm 33;
    row_34_greedy_client 34;
    row_35_cluster_proxy 35;
    row_36_json_bombs 36;
}
