//! The page of the results, in Markdown. Made of the results alone.

use crate::measured::Measured;
use crate::report::{Figure, short};
use crate::results::{Outcome, Results};
use crate::row::{ROWS, Row};
use std::fmt::Write as _;
use std::process::Command;

/// The text of the page.
pub fn render(results: &Results) -> String {
    let mut text = format!(
        "<!-- Written by `make faults`; do not edit. -->\n# Faults\n\n\
         What a cluster of real processes does when something breaks: the client keeps a ledger of every call, and the bars are \
         those that libfast wants to meet. A bar that is not met is listed, with the reason where it is known. How the rows are \
         run: [tests/faults](../tests/faults/README.md).\n\n{}\n\n",
        measured(results)
    );
    if results.rows.iter().any(|row| !row.measured.is_long) {
        text.push_str("**This was the short form: its times are not to be quoted.**\n\n");
    }
    let judged = |met: bool| {
        let figures = results.rows.iter().flat_map(|row| &row.figures);
        figures.filter(|figure| figure.bar.is_some() && figure.is_met() == met).count()
    };
    let without = results.rows.iter().filter(|row| row.skipped.is_some() || row.error.is_some()).count();
    let _ = writeln!(
        text,
        "{} of {} rows: {} bars met, {} not met; {without} rows could not be run.{}\n",
        results.rows.len(),
        ROWS.len(),
        judged(true),
        judged(false),
        missing(results)
    );
    text.push_str("| # | fault | figure | measured | bar | met |\n|--:|---|---|--:|--:|---|\n");
    results.rows.iter().for_each(|row| write_row(&mut text, row));
    text
}

/// When, where and of what the rows were measured: not all at once.
fn measured(results: &Results) -> String {
    let mut each: Vec<_> = results.rows.iter().map(|row| &row.measured).collect();
    each.sort_by_key(|measured| measured.started_ms);
    let range = |low: String, high: String| if low == high { low } else { format!("{low} to {high}") };
    let listed = |of: fn(&Measured) -> &str| {
        let mut names: Vec<_> = each.iter().map(|measured| of(measured)).collect();
        names.dedup();
        names.join(", ")
    };
    let (Some(first), Some(last)) = (each.first(), each.last()) else {
        return "Nothing is measured yet.".into();
    };
    let loads: Vec<f64> = each.iter().filter_map(|measured| measured.load).collect();
    let [low, high] =
        [f64::min, f64::max].map(|best| loads.iter().copied().reduce(best).map_or("–".into(), short));
    format!(
        "Measured {} UTC at {}, on {}, with a load of {} before.",
        range(date(first), date(last)),
        listed(|measured| &measured.commit),
        listed(|measured| &measured.machine),
        range(low, high)
    )
}

fn date(measured: &Measured) -> String {
    let seconds = format!("@{}", measured.started_ms / 1000);
    let date = Command::new("date").args(["-u", "-d", &seconds, "+%Y-%m-%d %H:%M"]).output();
    date.map_or(seconds, |output| String::from_utf8_lossy(&output.stdout).trim().into())
}

/// The rows of the matrix that are not there.
fn missing(results: &Results) -> String {
    let is_there = |row: &&Row| results.rows.iter().any(|measured| measured.id == row.id);
    let missing: Vec<_> = ROWS.iter().filter(|row| !is_there(row)).map(|row| row.id.to_string()).collect();
    if missing.is_empty() { String::new() } else { format!(" Not measured: {}.", missing.join(", ")) }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u32, started_ms: u64, commit: &str, is_long: bool) -> Outcome {
        let (commit, machine, load) = (commit.into(), "Linux, 2 CPUs".into(), Some(id as f64));
        let measured = Measured { started_ms, commit, is_long, machine, load };
        let (name, what, seconds) = ("Kill".into(), "SIGKILL".into(), 1.0);
        let (figures, errors, skipped, error) = (vec![], Default::default(), None, None);
        Outcome { id, name, what, measured, seconds, figures, errors, skipped, error }
    }

    #[test]
    fn the_page_says_of_when_and_of_what_its_rows_are_and_which_are_missing() {
        let mut results = Results::default();
        results.add(row(3, 3_600_000, "b", true));
        results.add(row(2, 60_000, "c", true));
        results.add(row(2, 0, "a", true));
        let page = render(&results);
        let measured = "Measured 1970-01-01 00:00 to 1970-01-01 01:00 UTC at a, b, on Linux, 2 CPUs, with a load of 2 to 3 before.";
        assert!(page.contains(measured), "{page}");
        assert!(page.contains(&format!("2 of {} rows: ", ROWS.len())), "{page}");
        assert!(page.contains("Not measured: 1, 4, 5, "), "{page}");
        assert!(!page.contains("short form"), "{page}");
    }

    #[test]
    fn rows_of_the_two_forms_do_not_share_a_page() {
        let mut results = Results::default();
        assert!(results.check_form(true).is_ok() && results.check_form(false).is_ok());
        results.add(row(1, 0, "a", true));
        assert!(results.check_form(true).is_ok());
        assert!(results.check_form(false).unwrap_err().contains("rows of the long form"));
    }
}
