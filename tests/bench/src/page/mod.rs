//! The page of the results: Markdown, with plots beside it. Made of the results alone, so that a change of the page needs no
//! new measurement.

mod figures;
mod growth;
mod head;
mod times;

use crate::results::Results;
use std::path::Path;

/// Writes the page, and its plots into a folder of its name in small letters.
pub fn write(path: &Path, results: &Results) -> Result<(), String> {
    let stem =
        path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).ok_or("the page has no name")?;
    let folder = path.with_file_name(&stem);
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let mut page = head::render(results) + &times::render(results) + &figures::render(results);
    let (text, plots) = growth::render(results, &stem);
    page.push_str(&text);
    std::fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    for (name, plot) in plots {
        let path = folder.join(name);
        std::fs::write(&path, plot).map_err(|error| failed(&path, error))?;
    }
    std::fs::write(path, page).map_err(|error| failed(path, error))
}

/// A row of a table.
fn row(cells: impl IntoIterator<Item = String>) -> String {
    format!("| {} |\n", cells.into_iter().collect::<Vec<_>>().join(" | "))
}

/// The head of a table: a column of names, and others of numbers.
fn head(names: &[&str]) -> String {
    let marks = names.iter().enumerate().map(|(i, _)| if i == 0 { "---" } else { "--:" }.to_owned());
    row(names.iter().map(|name| (*name).to_owned())) + &row(marks)
}

/// Three digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        at_least if at_least >= 99.95 => format!("{value:.0}"),
        at_least if at_least >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The same, or a dash.
fn cell(value: Option<f64>) -> String {
    value.map_or("–".into(), short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!([0.123, 1.5, 12.34, 1234.5].map(short), ["0.12", "1.50", "12.3", "1234"]);
        assert_eq!(cell(None), "–");
    }
}
