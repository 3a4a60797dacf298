//! Columns for people, that `awk` can tell apart, too.

use crate::output::printable;

/// A table without lines; an empty cell is a dash.
pub fn table(header: &[impl AsRef<str>], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_header(header.iter().map(|name| printable(name.as_ref())));
    for row in rows {
        // An empty cell would make columns hard to tell apart for `awk`.
        table.add_row(row.iter().map(|cell| if cell.is_empty() { "-".into() } else { printable(cell) }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}
