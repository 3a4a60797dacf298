//! What to ask whom, as the operands say.

use bytes::Bytes;
use serde_json::value::RawValue;
use std::io::Read;

/// A target, a method and the text of its arguments.
#[derive(Debug)]
pub struct Question {
    /// Whom to ask.
    pub target: String,
    /// The method.
    pub method: String,
    /// The arguments: the text of a JSON array.
    pub args: Bytes,
    /// Whether it was asked in the form of node-fast: host and port apart.
    pub is_classic: bool,
}

/// What is wrong with the operands, in the words of node-fast where it has some, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong.
    pub message: String,
    /// What to do; empty if there is no more to say than how it is used.
    pub help: String,
}

impl Question {
    /// Understands the operands. Arguments are read from files and standard input up to `limit` bytes.
    pub fn read(operands: &[String], limit: u64) -> Result<Self, Wrong> {
        let is_port = |text: &str| text.parse::<u16>().is_ok();
        let misplaced = || operands.iter().skip(1).find_map(|operand| misplaced(operand));
        match operands {
            [host, port, method, args] => {
                let port = leading_port(port).ok_or_else(|| {
                    misplaced().unwrap_or_else(|| wrong(format!("invalid TCP port: {port}"), ""))
                })?;
                let bare = host.trim_start_matches('[').trim_end_matches(']');
                let host = if bare.contains(':') { format!("[{bare}]") } else { host.clone() };
                let target = format!("{host}:{port}");
                Ok(Self { target, method: method.clone(), args: arguments(args, limit)?, is_classic: true })
            }
            [host, port, _] if is_port(port) && !host.contains([':', '/']) => Err(four(&format!(
                "with HOST and PORT apart, ARGS are needed: `fastcall {host} {port} METHOD '[]'`"
            ))),
            [target, method, args @ ..] if args.len() < 2 => Ok(Self {
                target: target.clone(),
                method: method.clone(),
                args: args.first().map_or(Ok(Bytes::from_static(b"[]")), |args| arguments(args, limit))?,
                is_classic: false,
            }),
            _ => Err(misplaced().unwrap_or_else(|| four(""))),
        }
    }
}

/// The text of the arguments: given, in a file, or on standard input.
fn arguments(given: &str, limit: u64) -> Result<Bytes, Wrong> {
    let text = match given.strip_prefix('@') {
        Some(path) => std::fs::File::open(path).and_then(|file| read(file, limit)),
        None if given == "-" => read(std::io::stdin().lock(), limit),
        None => Ok(given.as_bytes().to_vec()),
    };
    let text = text.map_err(|error| wrong(format!("reading RPC arguments from {given}: {error}"), ""))?;
    if text.len() as u64 > limit {
        let help = "send less, or allow more with --set max_frame_bytes=N on both sides";
        return Err(wrong(format!("RPC arguments: more than {limit} bytes"), help));
    }
    let quote = r#"quote the arguments for the shell, as in '["text", {"x": 1}]'"#;
    if let Err(error) = serde_json::from_slice::<&RawValue>(&text) {
        return Err(
            misplaced(given).unwrap_or_else(|| wrong(format!("parsing RPC arguments: {error}"), quote))
        );
    }
    match text.trim_ascii_start().starts_with(b"[") {
        true => Ok(text.into()),
        false => Err(wrong("RPC arguments: expected array", quote)),
    }
}

fn read(from: impl Read, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    from.take(limit + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// The number that a text begins with, as node-fast reads a port: `12abc` is 12.
fn leading_port(text: &str) -> Option<u16> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    text[..digits].parse().ok().filter(|port| *port != 0)
}

/// An option where an operand is expected.
fn misplaced(operand: &str) -> Option<Wrong> {
    let is_option = operand.starts_with('-') && operand.contains(|c: char| c.is_ascii_alphabetic());
    is_option.then(|| wrong(format!("option {operand} after an operand"), "options come before the operands"))
}

fn four(help: &str) -> Wrong {
    wrong("expected four non-option arguments", help)
}

fn wrong(message: impl Into<String>, help: &str) -> Wrong {
    Wrong { message: message.into(), help: help.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(operands: &[&str]) -> Result<Question, Wrong> {
        Question::read(&operands.iter().map(|&operand| operand.to_owned()).collect::<Vec<_>>(), 100)
    }

    #[test]
    fn four_operands_are_the_form_of_node_fast_and_fewer_are_ours() {
        for (operands, target, args) in [
            (&["h", "12abc", "m", "[1]"][..], "h:12", "[1]"),
            (&["::1", "7", "m", " [ ]"], "[::1]:7", " [ ]"),
            (&["[::1]", "7", "m", "[]"], "[::1]:7", "[]"),
            (&[":7", "m", "[2]"], ":7", "[2]"),
            (&["calc", "m"], "calc", "[]"),
            (&["calc", "7"], "calc", "[]"),
        ] {
            let question = read(operands).unwrap();
            assert_eq!((question.target.as_str(), &question.args[..]), (target, args.as_bytes()));
            assert_eq!(question.is_classic, operands.len() == 4);
        }
    }

    #[test]
    fn what_is_wrong_is_said_as_in_node_fast() {
        for (operands, message) in [
            (&["a"][..], "expected four non-option arguments"),
            (&["a", "1", "m"], "expected four non-option arguments"),
            (&["a", "1", "m", "[]", "x"], "expected four non-option arguments"),
            (&["a", "x", "m", "[]"], "invalid TCP port: x"),
            (&["a", "0", "m", "[]"], "invalid TCP port: 0"),
            (&["a", "65536", "m", "[]"], "invalid TCP port: 65536"),
            (&["a", "1", "m", "{}"], "RPC arguments: expected array"),
            (&["a", "m", "7"], "RPC arguments: expected array"),
            (&["a", "m", "[]", "-v"], "option -v after an operand"),
            (&["a", "m", "-t", "5s"], "option -t after an operand"),
            (&["a", "m", "[]", "-t", "5s"], "option -t after an operand"),
            (&["a", "m", "--verbose"], "option --verbose after an operand"),
        ] {
            assert_eq!(read(operands).unwrap_err().message, message, "{operands:?}");
        }
        assert!(read(&["a", "m", "[1"]).unwrap_err().message.starts_with("parsing RPC arguments: EOF"));
        let long = format!("[{}]", "1,".repeat(100));
        assert_eq!(read(&["a", "m", &long]).unwrap_err().message, "RPC arguments: more than 100 bytes");
    }
}
