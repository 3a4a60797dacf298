//! How a call that failed is told, and how the tool ends then.

use super::question::Question;
use crate::exit::{self, Exit};
use crate::format::Format;
use crate::{output, usage};
use libfast::{Cause, Error, ErrorKind, Progress, RemoteError};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What the tool was told about failures.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How they are written.
    pub format: Format,
    /// Whether the status is 0 as soon as there was a connection.
    pub classic_exit: bool,
}

impl Manner {
    /// The status to end with after a failed call.
    pub fn status(&self, error: &Error) -> Exit {
        match Exit::of(error) {
            strict @ (Exit::Ok | Exit::Usage | Exit::Interrupted) => strict,
            strict if !self.classic_exit => strict,
            _ if had_connection(error) => Exit::Ok,
            // node-fast dies of an exception then.
            _ => Exit::Remote,
        }
    }

    /// Tells of a failed call.
    pub fn tell(&self, error: &Error, question: &Question) {
        match (self.format, error.kind()) {
            (_, ErrorKind::Abandoned) if question.is_classic => say_classic(error),
            // As it was asked for.
            (_, ErrorKind::Abandoned) => {}
            (Format::Json, _) => output::say(&self.object(error, question)),
            (_, ErrorKind::Invalid) => {
                usage::fail("fastcall", error.message(), "");
            }
            _ => text(error, question),
        }
    }

    fn object<'e>(&self, error: &'e Error, question: &Question) -> String {
        let remote = |remote: &'e RemoteError| Remote {
            name: &remote.name,
            message: &remote.message,
            info: raw(&remote.info),
            context: raw(&remote.context),
            ase_errors: raw(&remote.ase_errors),
        };
        let object = Object {
            schema: "fastcall.error/1",
            code: error.kind().name(),
            status: self.status(error) as u8,
            message: error.message(),
            endpoint: error.endpoint(),
            retriable: error.is_retriable(),
            cause: error.cause().map(Cause::name),
            info: raw(error.merged_info()),
            remote: error.remote().map(remote),
            help: help(error, question),
        };
        serde_json::to_string(&object).unwrap_or_default()
    }
}

/// A failure for programs. It only ever gains members.
#[derive(Serialize)]
struct Object<'e> {
    schema: &'static str,
    code: &'static str,
    status: u8,
    message: &'e str,
    endpoint: &'e str,
    retriable: bool,
    cause: Option<&'static str>,
    info: Option<Box<RawValue>>,
    remote: Option<Remote<'e>>,
    help: String,
}

/// What the server sent, as it sent it: other JSON than ours must not get lost or fail.
#[derive(Serialize)]
struct Remote<'e> {
    name: &'e str,
    message: &'e str,
    info: Option<Box<RawValue>>,
    context: Option<Box<RawValue>>,
    ase_errors: Option<Box<RawValue>>,
}

/// JSON text; `None` if it is empty.
fn raw(text: &str) -> Option<Box<RawValue>> {
    serde_json::from_str(&String::from_utf8_lossy(&output::compact(text.as_bytes()))).ok()
}

/// Whether a failure happened after there was a connection.
pub fn had_connection(error: &Error) -> bool {
    let only_there =
        matches!(error.kind(), ErrorKind::Protocol | ErrorKind::ConnectionLost | ErrorKind::Abandoned);
    only_there || error.remote().is_some() || error.progress() != Progress::NotStarted
}

/// For people; in the form of node-fast its words come first.
fn text(error: &Error, question: &Question) {
    if question.is_classic {
        say_classic(error);
    }
    exit::fail(error, &help(error, question));
}

fn say_classic(error: &Error) {
    for line in classic(error) {
        output::say(&format!("fastcall: {}", output::printable(&line)));
    }
}

fn classic(error: &Error) -> Vec<String> {
    let request = |cause: &str| format!("fast request: request failed: {cause}");
    let words = classic_words(error);
    match (error.kind(), error.remote()) {
        (_, Some(remote)) => vec![request(&format!("server error: {}", remote.message))],
        (ErrorKind::Protocol, _) if is_null(error) => vec![request(&words)],
        (ErrorKind::Protocol | ErrorKind::ConnectionLost, _) => {
            vec![format!("fast connection: {words}"), request(&words)]
        }
        _ if had_connection(error) => vec![request(&words)],
        // There node-fast has no words but those of an exception.
        _ => Vec::new(),
    }
}

/// What node-fast says of a failure, for those who look for it; where and what to do is not in it.
fn classic_words(error: &Error) -> Cow<'_, str> {
    let message = error.message();
    match (error.kind(), error.cause()) {
        (ErrorKind::ConnectionLost, Some(Cause::Protocol)) => {
            message.split_once(" closed it: ").map_or(message, |(_, words)| words).into()
        }
        (ErrorKind::ConnectionLost, _) => {
            let words = message.split_once(" lost: ").map_or(message, |(_, words)| words);
            format!("unexpected error on transport: {words}").into()
        }
        _ if is_null(error) => r#"server sent "null" value"#.into(),
        _ => message.into(),
    }
}

/// Whether the server sent null as a value, which ends the call and not the connection.
fn is_null(error: &Error) -> bool {
    error.kind() == ErrorKind::Protocol && error.merged_info().contains(r#""rpcMessage":"#)
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
        ErrorKind::Protocol if is_null(error) => "drop such values with --ignore-null-values".into(),
        ErrorKind::Remote => "the server took the call and refused; check METHOD and ARGS".into(),
        _ => error.kind().spec().remedy.into(),
    }
}
