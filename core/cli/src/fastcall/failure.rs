//! How a call that failed is told, and how the tool ends then.

use super::question::Question;
use crate::exit::{self, Exit};
use crate::format::Format;
use crate::{output, usage};
use libfast::{Error, ErrorKind, Progress, RemoteError};
use serde_json::value::RawValue;

/// What the tool was told about failures.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How they are written.
    pub format: Format,
    /// Whether the status is 0 as soon as there was a connection.
    pub classic_exit: bool,
}

impl Manner {
    /// Tells of a failed call. Returns the status to end with.
    pub fn tell(&self, error: &Error, question: &Question) -> Exit {
        let strict = match self.format {
            Format::Json => json(error, question),
            _ if error.kind() == ErrorKind::Invalid => return usage::fail("fastcall", error.message(), ""),
            _ => text(error, question),
        };
        match strict {
            Exit::Usage | Exit::Interrupted => strict,
            _ if !self.classic_exit => strict,
            // Without a connection node-fast dies of an exception.
            _ => {
                if had_connection(error) {
                    Exit::Ok
                } else {
                    Exit::Remote
                }
            }
        }
    }
}

/// Whether a failure happened after there was a connection.
pub fn had_connection(error: &Error) -> bool {
    error.progress() != Progress::NotStarted
        || matches!(
            error.kind(),
            ErrorKind::Protocol | ErrorKind::ConnectionLost | ErrorKind::Overload | ErrorKind::Abandoned
        )
}

/// One object on a line, for programs. It only ever gains members.
fn json(error: &Error, question: &Question) -> Exit {
    let exit = Exit::of(error);
    let raw = |text: &str| serde_json::from_str::<Box<RawValue>>(text).ok();
    let remote = |remote: &RemoteError| serde_json::json!({ "name": remote.name, "message": remote.message, "info": raw(&remote.info) });
    let object = serde_json::json!({
        "schema": "fastcall.error/1",
        "code": error.kind().name(),
        "message": error.message(),
        "endpoint": error.endpoint(),
        "retriable": error.is_retriable(),
        "remote": error.remote().map(remote),
        "help": help(error, question),
        "status": exit as u8,
    });
    output::say(&object.to_string());
    exit
}

/// For people; in the form of node-fast its words come first.
fn text(error: &Error, question: &Question) -> Exit {
    if question.is_classic {
        classic(error).iter().for_each(|line| output::say(&format!("fastcall: {}", output::printable(line))));
    }
    exit::fail(error, &help(error, question))
}

fn classic(error: &Error) -> Vec<String> {
    let request = |cause: &str| format!("fast request: request failed: {cause}");
    match (error.kind(), error.remote()) {
        (_, Some(remote)) => vec![request(&format!("server error: {}", remote.message))],
        (ErrorKind::Protocol | ErrorKind::ConnectionLost, _) => {
            vec![format!("fast connection: {}", error.message()), request(error.message())]
        }
        _ if had_connection(error) => vec![request(error.message())],
        _ => vec![error.message().to_owned()],
    }
}

/// What the user of this tool can do about an error.
fn help(error: &Error, question: &Question) -> String {
    let target = &question.target;
    match error.kind() {
        ErrorKind::Connect => {
            format!("is a server listening there? One to try with: `fastserve -l {}`", error.endpoint())
        }
        ErrorKind::NoEndpoint => format!(
            "see who is listed: `fastctl ls {target}`; a server to try with: `fastserve -p 0 --announce {target}`"
        ),
        ErrorKind::Timeout => "find out why it is slow, or allow more with --timeout".into(),
        ErrorKind::Remote => "the server took the call and refused; check METHOD and ARGS".into(),
        _ => error.kind().spec().remedy.into(),
    }
}
