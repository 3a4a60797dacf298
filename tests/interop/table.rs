//! The matrix as text: a row per case, a column per pair and version, and footnotes for what a peer cannot do.

use super::clients::ClientKind;
use super::servers::ServerKind;
use std::fmt;

type Pair = (ClientKind, ServerKind);

pub struct Table {
    pairs: Vec<Pair>,
    rows: Vec<(&'static str, Vec<[String; 2]>)>,
}

impl Table {
    pub fn new(pairs: &[Pair]) -> Self {
        Self { pairs: pairs.to_vec(), rows: Vec::new() }
    }

    pub fn set(&mut self, case: &'static str, pair: Pair, version: u8, cell: String) {
        if self.rows.last().is_none_or(|(name, _)| *name != case) {
            self.rows.push((case, vec![<[String; 2]>::default(); self.pairs.len()]));
        }
        let column = self.pairs.iter().position(|known| *known == pair).expect("the pair has a column");
        let (_, row) = self.rows.last_mut().expect("there is one now");
        row[column][usize::from(version) - 1] = cell;
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let mut notes: Vec<&str> = Vec::new();
        let names = |side: fn(&Pair) -> String| self.pairs.iter().map(side).collect::<String>();
        writeln!(f, "{:>width$}  {}", "client", names(|(client, _)| format!("{client:<11}")))?;
        writeln!(f, "{:>width$}  {}", "server", names(|(_, server)| format!("{server:<11}")))?;
        writeln!(f, "{:>width$}  {}", "version", "1    2     ".repeat(self.pairs.len()))?;
        for (name, row) in &self.rows {
            write!(f, "{name:<width$}  ")?;
            for [first, second] in row {
                for (cell, room) in [(first, 5), (second, 6)] {
                    let short = match cell.strip_prefix("peer: ") {
                        None if cell.is_empty() => "-".into(),
                        None => cell.clone(),
                        Some(why) => {
                            let known = notes.iter().position(|note| *note == why);
                            let number = known.unwrap_or_else(|| {
                                notes.push(why);
                                notes.len() - 1
                            });
                            format!("[{}]", number + 1)
                        }
                    };
                    write!(f, "{short:<room$}")?;
                }
            }
            writeln!(f)?;
        }
        writeln!(f, "\nok: as the protocol says. -: this server has no such method. [n]: peer:")?;
        for (i, note) in notes.iter().enumerate() {
            writeln!(f, "[{}] {note}", i + 1)?;
        }
        Ok(())
    }
}
