//! `fastcall`: one call from the command line.

use crate::exit::{self, Exit};
use crate::{duration, output};
use bytes::Bytes;
use libfast::{Client, ClientOptions, Error, ErrorKind, Result};
use std::time::Duration;

/// Call a method and print each value of its answer as a line of JSON
#[derive(clap::Args)]
#[command(
    override_usage = "fastcall [OPTIONS] TARGET METHOD [ARGS]\n       fastcall [OPTIONS] HOST PORT METHOD ARGS"
)]
pub struct Options {
    /// Longest the call may take, such as 250ms or 10s [default: no limit]
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Whom to call: a service name (in $FAST_REGISTRY, else in a folder of yours), HOST:PORT[,HOST:PORT...], :PORT on
    /// this machine, unix:/PATH, dir:///FOLDER/SERVICE or zk://HOSTS/ROOT/SERVICE
    target: String,
    /// Which method
    method: String,
    /// Its arguments, a JSON array [default: []]
    args: Option<String>,
    /// Makes the four HOST PORT METHOD ARGS
    #[arg(hide = true)]
    fourth: Option<String>,
}

/// Makes the call.
pub async fn run(options: Options) -> Exit {
    if let Err(error) = exit::on_interrupt() {
        return exit::fail(&error, "");
    }
    let timeout = options.timeout;
    let question = match options.question() {
        Ok(question) => question,
        Err(error) => {
            return exit::fail(
                &error,
                "write `fastcall HOST PORT METHOD ARGS`, as in `fastcall localhost 2030 date '[]'`",
            );
        }
    };
    let client = match Client::with_options(&question.target, client_options()) {
        Ok(client) => client,
        Err(error) => return exit::fail(&error, "see `fastcall --help` for the forms of a target"),
    };
    let mut call_options = client.call_options();
    call_options.timeout = timeout;
    let mut call = client.start(&question.method, question.args.clone(), call_options);
    while let Some(value) = call.next().await {
        let printed = match value {
            Ok(value) => output::line(output::compact(&value.into_bytes())),
            Err(error) => Err(exit::fail(&error, &question.help(&error))),
        };
        if let Err(exit) = printed {
            return exit;
        }
    }
    Exit::Ok
}

fn client_options() -> ClientOptions {
    let mut options = ClientOptions::default();
    // Whoever calls from a shell can interrupt, and a stream may take as long as it likes.
    options.timeout_ms = 0;
    // It would be gone before anybody looks.
    options.announce_consumer = false;
    options
}

/// What to ask whom.
struct Question {
    target: String,
    method: String,
    args: Bytes,
}

impl Options {
    fn question(self) -> Result<Question> {
        match (self.args, self.fourth) {
            (Some(method), Some(args)) => {
                let port = self.method.parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(|| {
                    Error::new(ErrorKind::Invalid, format!("invalid TCP port: {}", self.method))
                })?;
                let host = if self.target.contains(':') { format!("[{}]", self.target) } else { self.target };
                Ok(Question { target: format!("{host}:{port}"), method, args: args.into() })
            }
            (args, _) => {
                let args = args.unwrap_or_else(|| "[]".into()).into();
                Ok(Question { target: self.target, method: self.method, args })
            }
        }
    }
}

impl Question {
    /// What the user of this tool can do about an error; empty if it is what everybody can do.
    fn help(&self, error: &Error) -> String {
        let target = &self.target;
        match error.kind() {
            ErrorKind::Invalid if self.method.parse::<u16>().is_ok() => {
                format!(
                    "with HOST and PORT apart, ARGS are needed: `fastcall {target} {} METHOD '[]'`",
                    self.method
                )
            }
            ErrorKind::Invalid => r#"quote the arguments for the shell, as in '["text", {"x": 1}]'"#.into(),
            ErrorKind::Connect => {
                format!("is a server listening there? One to try with: `fastserve -l {}`", error.endpoint())
            }
            ErrorKind::NoEndpoint => format!(
                "see who is listed: `fastctl ls {target}`; a server to try with: `fastserve -p 0 --announce {target}`"
            ),
            ErrorKind::Timeout => "find out why it is slow, or allow more with --timeout".into(),
            ErrorKind::Remote => "the server took the call and refused; check METHOD and ARGS".into(),
            _ => String::new(),
        }
    }
}
