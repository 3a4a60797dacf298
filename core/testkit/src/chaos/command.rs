//! The commands of `fastchaos`: one line each.

use super::plan::{Admission, Corruption, Direction, Ending, Faults, Flip, Plan};
use super::proxy::ChaosProxy;
use std::fmt;
use std::str::{FromStr, SplitAsciiWhitespace};
use std::time::Duration;

/// How commands are written, for people.
pub const COMMANDS: &str = "\
latency DIRECTION TIME [JITTER]    delay each byte by TIME, and up to JITTER more; in order
bandwidth DIRECTION RATE|off       pass RATE bytes per second at most, on each connection
split DIRECTION SIZE [PAUSE]|off   write SIZE bytes at a time, with PAUSE in between
corrupt DIRECTION CHANCE [bit|byte]|off
                                   change a bit, or several of its bits, of each byte by CHANCE (0 to 1)
corrupt-at DIRECTION PLACE ...     change a bit of these bytes of each connection, counted from 0
stall DIRECTION                    pass and read nothing
resume DIRECTION                   go on after stall
end-after DIRECTION SIZE cut|reset|half-close
                                   end connections so when SIZE bytes have passed; end-after DIRECTION off
admit accept|refuse|reset          what happens to new connections
storm SHARE                        reset that share (0 to 1) of all connections in each second
cut                                close all connections
reset                              reset all connections (RST)
half-close DIRECTION               close that direction of all connections
clear                              take all faults away
show                               the faults at present, as JSON
counts                             what was done so far, as JSON
quit                               end
DIRECTION is to-server, to-client or both; TIME has a unit, as in 50ms (us, ms, s).";

/// A command to a proxy, read from its text with [`str::parse`].
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Changes the faults.
    Change(Vec<Change>),
    /// Says what happens to new connections.
    Admit(Admission),
    /// Says what share of the connections is reset in each second.
    Storm(f64),
    /// Ends all connections, or closes a direction of them; that counts for [`Ending::HalfClose`] only.
    End(Ending, Vec<Direction>),
    /// Takes all faults away.
    Clear,
    /// Asks for the faults.
    Show,
    /// Asks for the counts.
    Counts,
    /// Ends the proxy.
    Quit,
}

/// One fault of one direction that is set.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    direction: Direction,
    fault: Fault,
}

#[derive(Debug, Clone, PartialEq)]
enum Fault {
    Latency(Duration, Duration),
    Bandwidth(Option<std::num::NonZeroU64>),
    Split(Option<std::num::NonZeroUsize>, Duration),
    Corrupt(f64, Flip),
    CorruptAt(Vec<u64>),
    Stall(bool),
    EndAfter(Option<(u64, Ending)>),
}

/// What is wrong with a command, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError(String);

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CommandError {}

impl Command {
    /// Carries the command out, and gives the answer: JSON, or nothing to say. What it changes is in force when this
    /// returns. [`Command::Quit`] is left to the caller.
    pub async fn run(&self, proxy: &ChaosProxy) -> Option<String> {
        match self {
            Self::Change(changes) => {
                proxy.change(|plan| changes.iter().for_each(|change| change.apply(plan)))
            }
            Self::Admit(admission) => proxy.change(|plan| plan.admission = *admission),
            Self::Storm(share) => proxy.change(|plan| plan.storm = *share),
            Self::End(Ending::Cut, _) => proxy.cut(),
            Self::End(Ending::Reset, _) => proxy.reset(),
            Self::End(Ending::HalfClose, directions) => {
                directions.iter().for_each(|way| proxy.half_close(*way))
            }
            Self::Clear => proxy.clear(),
            Self::Show => return json(&proxy.plan()),
            Self::Counts => return json(&proxy.counts()),
            Self::Quit => {}
        }
        proxy.settled().await;
        None
    }
}

impl Change {
    fn apply(&self, plan: &mut Plan) {
        let faults = plan.faults_mut(self.direction);
        match self.fault.clone() {
            Fault::Latency(latency, jitter) => *faults = Faults { latency, jitter, ..faults.clone() },
            Fault::Bandwidth(rate) => faults.bandwidth = rate,
            Fault::Split(split, split_pause) => *faults = Faults { split, split_pause, ..faults.clone() },
            Fault::Corrupt(chance, flip) if chance > 0.0 => {
                faults.corruption = Corruption { chance, flip, ..std::mem::take(&mut faults.corruption) };
            }
            Fault::Corrupt(..) => faults.corruption = Corruption::default(),
            Fault::CorruptAt(places) => faults.corruption.places = places,
            Fault::Stall(stall) => faults.stall = stall,
            Fault::EndAfter(end_after) => faults.end_after = end_after,
        }
    }
}

impl FromStr for Command {
    type Err = CommandError;

    fn from_str(line: &str) -> Result<Self, CommandError> {
        let mut words = Words { command: "", words: line.split_ascii_whitespace() };
        words.command = words.words.next().ok_or_else(|| CommandError("a command is missing".into()))?;
        let command = words.command()?;
        words.end()?;
        Ok(command)
    }
}

/// What is left of a command.
struct Words<'a> {
    command: &'a str,
    words: SplitAsciiWhitespace<'a>,
}

impl<'a> Words<'a> {
    fn command(&mut self) -> Result<Command, CommandError> {
        Ok(match self.command {
            "latency" => self.change(|words| Ok(Fault::Latency(words.time()?, words.time_if_any()?)))?,
            "bandwidth" => {
                self.change(|words| Ok(Fault::Bandwidth(words.unless_off("bytes per second")?)))?
            }
            "split" => self.change(|words| {
                let size = words.unless_off("a number of bytes")?;
                Ok(Fault::Split(size, if size.is_some() { words.time_if_any()? } else { Duration::ZERO }))
            })?,
            "corrupt" => self.change(|words| match words.share("a chance from 0 to 1, or off", true)? {
                chance if chance > 0.0 => Ok(Fault::Corrupt(chance, words.flip()?)),
                _ => Ok(Fault::Corrupt(0.0, Flip::Bit)),
            })?,
            "corrupt-at" => self.change(Words::places)?,
            "stall" => self.change(|_| Ok(Fault::Stall(true)))?,
            "resume" => self.change(|_| Ok(Fault::Stall(false)))?,
            "end-after" => self.change(|words| Ok(Fault::EndAfter(words.end_after()?)))?,
            "admit" => Command::Admit(self.one_of(&[
                ("accept", Admission::Accept),
                ("refuse", Admission::Refuse),
                ("reset", Admission::Reset),
            ])?),
            "storm" => Command::Storm(self.share("a share from 0 to 1", false)?),
            "cut" => Command::End(Ending::Cut, vec![]),
            "reset" => Command::End(Ending::Reset, vec![]),
            "half-close" => Command::End(Ending::HalfClose, self.directions()?),
            "clear" => Command::Clear,
            "show" => Command::Show,
            "counts" => Command::Counts,
            "quit" => Command::Quit,
            unknown => {
                let names: Vec<_> = names().collect();
                let names = names.join(", ");
                return Err(CommandError(format!("there is no command {unknown:?}; there are {names}")));
            }
        })
    }

    fn change(
        &mut self,
        fault: impl FnOnce(&mut Self) -> Result<Fault, CommandError>,
    ) -> Result<Command, CommandError> {
        let directions = self.directions()?;
        let fault = fault(self)?;
        let change = |direction| Change { direction, fault: fault.clone() };
        Ok(Command::Change(directions.into_iter().map(change).collect()))
    }

    fn directions(&mut self) -> Result<Vec<Direction>, CommandError> {
        self.one_of(&[
            ("to-server", vec![Direction::ToServer]),
            ("to-client", vec![Direction::ToClient]),
            ("both", Direction::ALL.to_vec()),
        ])
    }

    fn end_after(&mut self) -> Result<Option<(u64, Ending)>, CommandError> {
        let wanted = "a number of bytes, or off";
        let word = self.next(wanted)?;
        if word == "off" {
            return Ok(None);
        }
        let size = word.parse().map_err(|_| self.wrong(wanted, word))?;
        let endings = [("cut", Ending::Cut), ("reset", Ending::Reset), ("half-close", Ending::HalfClose)];
        Ok(Some((size, self.one_of(&endings)?)))
    }

    fn places(&mut self) -> Result<Fault, CommandError> {
        let wanted = "places, counted from 0";
        let mut places = vec![];
        let mut word = self.next(wanted)?;
        loop {
            places.push(word.parse().map_err(|_| self.wrong(wanted, word))?);
            match self.words.next() {
                Some(next) => word = next,
                None => return Ok(Fault::CorruptAt(places)),
            }
        }
    }

    fn flip(&mut self) -> Result<Flip, CommandError> {
        match self.words.clone().next() {
            None => Ok(Flip::Bit),
            Some(_) => self.one_of(&[("bit", Flip::Bit), ("byte", Flip::Byte)]),
        }
    }

    fn share(&mut self, wanted: &str, or_off: bool) -> Result<f64, CommandError> {
        let word = self.next(wanted)?;
        if or_off && word == "off" {
            return Ok(0.0);
        }
        let share = word.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        share.ok_or_else(|| self.wrong(wanted, word))
    }

    fn unless_off<T: FromStr>(&mut self, wanted: &str) -> Result<Option<T>, CommandError> {
        let wanted = format!("{wanted} above 0, or off");
        match self.next(&wanted)? {
            "off" => Ok(None),
            word => word.parse().map(Some).map_err(|_| self.wrong(&wanted, word)),
        }
    }

    fn time_if_any(&mut self) -> Result<Duration, CommandError> {
        if self.words.clone().next().is_none() { Ok(Duration::ZERO) } else { self.time() }
    }

    fn time(&mut self) -> Result<Duration, CommandError> {
        let wanted = "a time with a unit, as in 50ms, up to 1h";
        let word = self.next(wanted)?;
        time(word).ok_or_else(|| self.wrong(wanted, word))
    }

    fn one_of<T: Clone>(&mut self, choices: &[(&str, T)]) -> Result<T, CommandError> {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let wanted = names.join(", ");
        let word = self.next(&wanted)?;
        let found = choices.iter().find(|(name, _)| *name == word);
        found.map(|(_, choice)| choice.clone()).ok_or_else(|| self.wrong(&wanted, word))
    }

    fn next(&mut self, wanted: &str) -> Result<&'a str, CommandError> {
        let missing = || CommandError(format!("{}: write {wanted} after what is there", self.command));
        self.words.next().ok_or_else(missing)
    }

    fn end(&mut self) -> Result<(), CommandError> {
        match self.words.next() {
            None => Ok(()),
            Some(word) => Err(CommandError(format!("{}: {word:?} is too much; leave it out", self.command))),
        }
    }

    fn wrong(&self, wanted: &str, word: &str) -> CommandError {
        CommandError(format!("{}: write {wanted} instead of {word:?}", self.command))
    }
}

/// The names of all commands, in the order of [`COMMANDS`].
fn names() -> impl Iterator<Item = &'static str> {
    let lines = COMMANDS.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
    lines.filter_map(|line| line.split_ascii_whitespace().next())
}

fn time(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let unit = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let seconds = number.parse::<f64>().ok()? * unit;
    (0.0..=3600.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

fn json(value: &impl serde::Serialize) -> Option<String> {
    // Plain structures of numbers cannot fail.
    serde_json::to_string(value).ok()
}
