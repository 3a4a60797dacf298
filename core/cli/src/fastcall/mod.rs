//! `fastcall`: one call from the command line.

mod failure;
mod printer;
mod question;
mod trace;

use crate::exit::{self, Exit, Interrupt};
use crate::format::Format;
use crate::{duration, usage};
use failure::{Manner, had_connection};
use libfast::{Call, CallEvent, CallObserver, Client, ClientOptions, Error, ErrorKind, Result};
use printer::Printer;
use question::Question;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;
use trace::Trace;

/// Call a method and print each value of its answer as a line of JSON
#[derive(clap::Args)]
#[command(
    override_usage = "fastcall [OPTIONS] TARGET METHOD [ARGS]\n       fastcall [OPTIONS] HOST PORT METHOD ARGS"
)]
pub struct Options {
    /// Longest the call may take, such as 250ms or 10s [default: no limit]
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    /// How often to repeat it on another endpoint, where that is safe [default: 2]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    retries: Option<String>,
    /// Repeat it also where the server may have run it
    #[arg(long)]
    idempotent: bool,
    /// auto and json: each value as JSON on a line of its own; with json errors are JSON, too. table: members of objects
    /// as columns, up to 1000 values at a time
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "auto",
        env = "FAST_OUTPUT",
        hide_env_values = true
    )]
    output: Format,
    /// Send the request, then do not wait for the answer
    #[arg(short, long)]
    abandon_immediately: bool,
    /// Keep the connection open until SIGINT, which then ends it with the status of the call
    #[arg(short = 'c', long)]
    leave_conn_open: bool,
    /// Tell on standard error what happens: endpoints, choice, connection, messages, and how long each took
    #[arg(short, long)]
    verbose: bool,
    /// End with status 0 whenever there was a connection, with 1 when there was none, as fastcall of node-fast does
    #[arg(long)]
    classic_exit: bool,
    /// Version of the messages sent: 1 is for servers older than node-fast 3.0 [default: 2]
    #[arg(long, value_name = "1|2")]
    wire_version: Option<String>,
    /// Drop null values that the server sends, instead of failing
    #[arg(long)]
    ignore_null_values: bool,
    /// Set any other option of clients (docs/OPTIONS.md); may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// TARGET  whom to call: a service name (in $FAST_REGISTRY, else in a folder of yours),
    ///         HOST:PORT[,HOST:PORT...], :PORT on this machine, unix:/PATH, dir:///FOLDER/SERVICE
    ///         or zk://HOSTS/ROOT/SERVICE
    /// METHOD  which method
    /// ARGS    its arguments, a JSON array; @FILE or - reads it from there or from standard
    ///         input [default: []]
    #[arg(value_name = "OPERANDS", trailing_var_arg = true, verbatim_doc_comment)]
    operands: Vec<String>,
}

/// Makes the call.
pub async fn run(options: Options) -> Exit {
    let manner = Manner { format: options.output, classic_exit: options.classic_exit };
    let settings = match options.settings() {
        Ok(settings) => settings,
        Err(error) => return usage::fail("fastcall", error.message(), ""),
    };
    let interrupt = match Interrupt::ends_with(options.interrupted()) {
        Ok(interrupt) => interrupt,
        Err(error) => return exit::fail(&error, ""),
    };
    let question = match Question::read(&options.operands, settings.max_frame_bytes) {
        Ok(question) => question,
        Err(wrong) => return usage::fail("fastcall", &wrong.message, &wrong.help),
    };
    let client = match Client::with_options(&question.target, settings) {
        Ok(client) => client,
        Err(error) => {
            manner.tell(&error, &question);
            return manner.status(&error);
        }
    };
    let (exit, connected) = match ask(&client, &question, &options).await {
        Ok(()) => (Exit::Ok, true),
        Err(Failure::Output(exit)) => return exit,
        Err(Failure::Call(error)) => {
            let exit = manner.status(&error);
            if options.leave_conn_open {
                interrupt.now_with(exit);
            }
            manner.tell(&error, &question);
            (exit, had_connection(&error))
        }
    };
    if options.leave_conn_open && connected {
        std::future::pending::<()>().await;
    }
    exit
}

/// Why there are no more values.
enum Failure {
    /// The call failed.
    Call(Error),
    /// They cannot be printed, which was told if it is worth telling.
    Output(Exit),
}

impl Failure {
    fn of_call(&self) -> Option<&Error> {
        match self {
            Self::Call(error) => Some(error),
            Self::Output(_) => None,
        }
    }
}

async fn ask(client: &Client, question: &Question, options: &Options) -> std::result::Result<(), Failure> {
    let trace = options.verbose.then(|| Arc::new(Trace::new(client, question)));
    let is_sent = Arc::<AtomicBool>::default();
    let mut call_options = client.call_options();
    call_options.timeout = options.timeout.or(call_options.timeout);
    call_options.observer = Some(observer(trace.clone(), is_sent.clone()));
    let call = client.start(&question.method, question.args.clone(), call_options);
    let outcome = match options.abandon_immediately {
        true => abandon(call, &is_sent).await,
        false => print(call, options.output, trace.as_deref()).await,
    };
    if let Some(trace) = trace {
        trace.end(outcome.as_ref().err().and_then(Failure::of_call));
    }
    outcome
}

fn observer(trace: Option<Arc<Trace>>, is_sent: Arc<AtomicBool>) -> CallObserver {
    CallObserver::new(move |event| {
        if let Some(trace) = &trace {
            trace.event(event);
        }
        if matches!(event, CallEvent::Sent { .. }) {
            is_sent.store(true, Ordering::Release);
        }
    })
}

/// Prints the values of a call as they come.
async fn print(mut call: Call, format: Format, trace: Option<&Trace>) -> std::result::Result<(), Failure> {
    let mut printer = Printer::new(format);
    let mut outcome = Ok(());
    while let Some(value) = call.next().await {
        match value {
            Ok(value) => {
                if let Some(trace) = trace {
                    trace.value(value.text().len());
                }
                printer.value(value).map_err(Failure::Output)?;
            }
            Err(error) => outcome = Err(Failure::Call(error)),
        }
    }
    printer.end().map_err(Failure::Output)?;
    outcome
}

/// Gives a call up as soon as its request is sent.
async fn abandon(mut call: Call, is_sent: &AtomicBool) -> std::result::Result<(), Failure> {
    let given_up = std::future::poll_fn(|cx| {
        let polled = call.poll_next_value(cx);
        match (is_sent.load(Ordering::Acquire), polled) {
            (true, _) => Poll::Ready(Error::new(ErrorKind::Abandoned, "request abandoned by user")),
            (false, Poll::Ready(Some(Err(error)))) => Poll::Ready(error),
            // Nothing can come before the request is sent.
            (false, _) => Poll::Pending,
        }
    });
    Err(Failure::Call(given_up.await))
}

impl Options {
    fn settings(&self) -> Result<ClientOptions> {
        let mut settings = ClientOptions::default();
        // It has gone before a server could tell.
        settings.watch_servers = false;
        // Whoever calls from a shell can interrupt, and a stream may take as long as it likes.
        settings.timeout_ms = 0;
        // It would be gone before anybody looks.
        settings.announce_consumer = false;
        for setting in &self.set {
            let (name, value) = setting.split_once('=').ok_or_else(|| {
                Error::new(ErrorKind::Invalid, format!("--set {setting}: write NAME=VALUE"))
            })?;
            settings.set(name, value)?;
        }
        let given = [("retries", &self.retries), ("wire_version", &self.wire_version)];
        for (name, value) in given {
            if let Some(value) = value {
                settings.set(name, value)?;
            }
        }
        settings.idempotent |= self.idempotent;
        settings.ignore_null_values |= self.ignore_null_values;
        Ok(settings)
    }

    /// How SIGINT ends it while the call is under way.
    fn interrupted(&self) -> Exit {
        if self.leave_conn_open { Exit::Ok } else { Exit::Interrupted }
    }
}
