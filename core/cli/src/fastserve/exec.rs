//! Methods that run a command of the shell for each call.
//!
//! The command gets the arguments as JSON on its standard input, and nothing else of the call, so a caller cannot add to
//! what the shell runs. Each line of its standard output is a value as soon as it is there; to a slow caller it is read
//! slowly. When the call is cancelled, the command and what it started are killed.

use super::process_groups::ProcessGroups;
use libfast::{Error, ErrorKind, RemoteError, Request, Result, Server};
use serde_json::value::RawValue;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::sync::Semaphore;

/// Commands as methods.
#[derive(Debug)]
pub struct Exec {
    /// A permit for each command that may run.
    room: Semaphore,
    limit: usize,
    groups: ProcessGroups,
}

impl Exec {
    /// Adds a method for each `NAME=COMMAND`, of which together at most `limit` run at once. Returns it with their names.
    pub fn add_all(server: &Server, commands: &[String], limit: usize) -> Result<(Arc<Self>, Vec<String>)> {
        let exec = Arc::new(Self { room: Semaphore::new(limit), limit, groups: ProcessGroups::default() });
        let mut names = Vec::new();
        for given in commands {
            let invalid = |why: &str| Error::new(ErrorKind::Invalid, format!("--exec {given}: {why}"));
            let (name, command) = match given.split_once('=') {
                Some((name, command)) if !name.is_empty() && !command.is_empty() => (name, command),
                _ => return Err(invalid("write NAME=COMMAND")),
            };
            let (command, shared) = (Arc::<str>::from(command), exec.clone());
            let handler = move |request: Request| {
                let (exec, command) = (shared.clone(), command.clone());
                async move { exec.answer(&command, &request).await }
            };
            server.method(name, handler).map_err(|_| invalid("there is a method of this name already"))?;
            names.push(name.to_owned());
        }
        Ok((exec, names))
    }

    /// Kills what still runs.
    pub fn kill_all(&self) {
        self.groups.kill_all();
    }

    async fn answer(&self, command: &str, request: &Request) -> Result<()> {
        let Ok(_permit) = self.room.try_acquire() else {
            let message = format!("{} commands run already, which is the limit (--exec-limit)", self.limit);
            let refusal = RemoteError::new("FastOverloaded", message);
            return Err(refusal.with_info(r#"{"processed":false}"#).into());
        };
        tokio::select! {
            answered = self.run(command, request) => answered,
            () = request.cancelled() => Err(Error::new(ErrorKind::Closed, "the caller is gone")),
        }
    }

    /// Runs the command to its end. When this is dropped before, the command is killed.
    async fn run(&self, command: &str, request: &Request) -> Result<()> {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(command).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = shell.spawn().map_err(|error| failed(format!("cannot be run: {error}")))?;
        let group = self.groups.add(&child);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A command need not read them.
                let _ = stdin.write_all(&[request.args_text(), &b"\n"[..]].concat()).await;
            }
            Ok(())
        };
        let ((), (), complaint) = tokio::try_join!(feed, send_lines(stdout, request), last_line(stderr))?;
        let status = child.wait().await.map_err(|error| failed(format!("its end is unknown: {error}")))?;
        group.ended();
        if status.success() { Ok(()) } else { Err(error(status, complaint)) }
    }
}

/// Sends the lines of a command's output: one that is JSON as it is, another one as a string. Empty ones and null are no
/// values.
async fn send_lines(output: Option<impl AsyncRead + Unpin>, request: &Request) -> Result<()> {
    let Some(output) = output else { return Ok(()) };
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut output).take(MOST_LINE_BYTES as u64 + 1).read_until(b'\n', &mut line).await;
        if read.map_err(|error| failed(format!("its output cannot be read: {error}")))? == 0 {
            return Ok(());
        }
        if line.len() > MOST_LINE_BYTES {
            return Err(failed(format!("a line of its output has more than {MOST_LINE_BYTES} bytes")));
        }
        match line.trim_ascii() {
            b"" | b"null" => {}
            text if serde_json::from_slice::<&RawValue>(text).is_ok() => request.send_text(text).await?,
            text => request.send(&String::from_utf8_lossy(text)).await?,
        }
    }
}

/// The last line that is not empty, or its beginning.
async fn last_line(output: Option<impl AsyncRead + Unpin>) -> Result<String> {
    let Some(mut output) = output else { return Ok(String::new()) };
    let (mut line, mut last) = (Vec::new(), Vec::new());
    let mut chunk = [0; 4096];
    loop {
        let read = output
            .read(&mut chunk)
            .await
            .map_err(|error| failed(format!("its errors cannot be read: {error}")))?;
        // The end of the output ends the last line, too.
        let bytes = if read == 0 { &b"\n"[..] } else { &chunk[..read] };
        for &byte in bytes {
            match byte {
                b'\n' if line.trim_ascii().is_empty() => line.clear(),
                b'\n' => last = std::mem::take(&mut line),
                _ if line.len() < MOST_MESSAGE_BYTES => line.push(byte),
                _ => {}
            }
        }
        if read == 0 {
            return Ok(String::from_utf8_lossy(last.trim_ascii()).into_owned());
        }
    }
}

/// The error of a command that failed, in its own words if it left some.
fn error(status: ExitStatus, complaint: String) -> Error {
    let message = if complaint.is_empty() { status.to_string() } else { complaint };
    let info = match (status.code(), status.signal()) {
        (Some(code), _) => format!(r#"{{"status":{code}}}"#),
        (None, signal) => format!(r#"{{"status":null,"signal":{}}}"#, signal.unwrap_or_default()),
    };
    RemoteError::new(NAME, message).with_info(info).into()
}

/// The error of a command that did not come to its end.
fn failed(why: String) -> Error {
    RemoteError::new(NAME, format!("the command failed: {why}")).into()
}

/// The name of all errors of commands.
const NAME: &str = "ExecError";
/// Longest line of output.
const MOST_LINE_BYTES: usize = 1 << 20;
/// Longest message of an error.
const MOST_MESSAGE_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_line_is_the_last_with_anything_in_it_and_has_an_end() {
        for (text, expected) in
            [("", ""), ("one\ntwo\n", "two"), ("one\ntwo \r\n\n  \n", "two"), ("one", "one")]
        {
            assert_eq!(last_line(Some(text.as_bytes())).await.unwrap(), expected);
        }
        let long = format!("x\n{}", "y".repeat(10_000));
        assert_eq!(last_line(Some(long.as_bytes())).await.unwrap().len(), MOST_MESSAGE_BYTES);
    }
}
