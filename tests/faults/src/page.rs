//! The page of the results, in Markdown. Made of the results alone.

use crate::report::{Figure, short};
use crate::results::{Outcome, Results};
use std::fmt::Write as _;
use std::process::Command;

/// The text of the page.
pub fn render(results: &Results) -> String {
    let seconds = format!("@{}", results.started_ms / 1000);
    let date = Command::new("date").args(["-u", "-d", &seconds, "+%Y-%m-%d %H:%M UTC"]).output();
    let date = date.map_or(seconds, |output| String::from_utf8_lossy(&output.stdout).trim().into());
    let mut text = format!(
        "<!-- Written by `make faults`; do not edit. -->\n# Faults\n\n\
         What a cluster of real processes does when something breaks: the client keeps a ledger of every call, and the bars are \
         those that libfast wants to meet. A bar that is not met is listed, with the reason where it is known. How the rows are \
         run: [tests/faults](../tests/faults/README.md).\n\n\
         Measured {date} on {}, with a load of {} before.\n\n",
        results.machine, results.load,
    );
    if !results.is_long {
        text.push_str("**This was the short form: its times are not to be quoted.**\n\n");
    }
    let judged = |met: bool| {
        let figures = results.rows.iter().flat_map(|row| &row.figures);
        figures.filter(|figure| figure.bar.is_some() && figure.is_met() == met).count()
    };
    let without = results.rows.iter().filter(|row| row.skipped.is_some() || row.error.is_some()).count();
    let _ = writeln!(
        text,
        "{} rows: {} bars met, {} not met; {without} rows could not be run.\n",
        results.rows.len(),
        judged(true),
        judged(false)
    );
    text.push_str("| # | fault | figure | measured | bar | met |\n|--:|---|---|--:|--:|---|\n");
    results.rows.iter().for_each(|row| write_row(&mut text, row));
    text
}

fn write_row(text: &mut String, row: &Outcome) {
    let mut head = format!("{} | **{}**: {}", row.id, row.name, row.what);
    for (what, why) in [("skipped", &row.skipped), ("failed", &row.error)] {
        if let Some(why) = why {
            let why = why.replace('\n', " ").replace('|', "/");
            let _ = writeln!(text, "| {head} | {what}: {why} | – | – | – |");
            head = " |".into();
        }
    }
    for figure in &row.figures {
        let Figure { name, value, unit, bar, missing, .. } = figure;
        let met = match (bar, figure.is_met(), missing) {
            (None, ..) => "–".into(),
            (_, true, _) => "yes".into(),
            (_, false, None) => "**not met**".into(),
            (_, false, Some(why)) => format!("**not met**: {why}"),
        };
        let bar = bar.map_or("–".into(), |bar| bar.to_string());
        let _ = writeln!(text, "| {head} | {name} | {} {unit} | {bar} | {met} |", short(*value));
        head = " |".into();
    }
}
