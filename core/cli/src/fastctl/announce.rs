//! `fastctl announce`: lists the address of a program that does not list itself.

use super::form::Form;
use crate::exit::{self, Exit};
use crate::stop::Stop;
use crate::{duration, output};
use libfast::{Address, Announcement, Error, ErrorKind, Result, ServerOptions};
use libfast_registry::changed;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

/// Keep the address of a server listed under a service while this command runs, whatever protocol the server speaks
#[derive(clap::Args)]
#[command(
    after_help = "The address is listed while it accepts connections: it is taken off when three tries in a row fail, and listed again\n\
                        with the first that succeeds. Each of these is a line: registered, suspended (listed when last heard of), lost or\n\
                        closed, and the address. SIGINT and SIGTERM take it off and end the command with status 0; a second one ends it at once."
)]
pub struct Options {
    /// A service name, dir:///FOLDER/SERVICE or zk://HOSTS/ROOT/SERVICE
    target: String,
    /// The address as clients reach it: HOST:PORT or unix:/PATH
    address: String,
    /// Share of calls relative to other providers
    #[arg(long, value_name = "N")]
    weight: Option<String>,
    /// Failure domain to announce
    #[arg(long, value_name = "NAME")]
    zone: Option<String>,
    /// How often to try whether the address accepts connections
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::parse, allow_hyphen_values = true)]
    check: Duration,
    /// List it without trying, where it cannot be reached from here
    #[arg(long, conflicts_with = "check")]
    unchecked: bool,
    /// Set any other option of servers (docs/OPTIONS.md); may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    form: Form,
}

/// Tries in a row that must fail before the address is taken off.
const FAILURES: u32 = 3;
/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Lists it until a signal comes. A second one ends it at once.
pub async fn run(options: Options) -> Result<Exit> {
    let mut stop = Stop::listen()?;
    let address: Address =
        options.address.parse().map_err(|error| Error::new(ErrorKind::Invalid, format!("{error}")))?;
    let settings = options.settings()?;
    let mut entry = Entry { options, address, settings, announcement: None, leaving: None };
    let ended = tokio::select! {
        never = entry.keep() => never,
        () = stop.requested() => Ok(Exit::Ok),
    };
    tokio::select! {
        () = entry.withdraw() => ended,
        () = stop.requested() => Ok(Exit::Interrupted),
    }
}

struct Entry {
    options: Options,
    address: Address,
    settings: ServerOptions,
    announcement: Option<Announcement>,
    /// The announcement being taken off. It is here so that a signal which comes meanwhile does not end it half way.
    leaving: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Entry {
    /// Returns if it can be of no use any more.
    async fn keep(&mut self) -> Result<Exit> {
        let mut had_it = false;
        loop {
            if !self.options.unchecked {
                self.wait_for_server().await;
            }
            match libfast::announce(&self.settings, None).await {
                // Whoever starts it sees at once that the registry is not there; later it has to come back.
                Ok(Some(announcement)) if !had_it => {
                    if let Err(error) = self.announcement.insert(announcement).registered().await {
                        self.announcement = None;
                        return Err(error);
                    }
                }
                Ok(announcement) => self.announcement = announcement,
                Err(error) if !had_it => return Err(error),
                Err(error) => {
                    exit::fail(&error, "it is being tried again");
                    tokio::time::sleep(self.options.check).await;
                    continue;
                }
            }
            had_it = true;
            let Some(announcement) = &self.announcement else {
                return Err(Error::new(ErrorKind::Invalid, "the target is empty; name a service"));
            };
            let mut states = announcement.watch_state();
            let tell = async {
                let mut told = "";
                loop {
                    // Why it is tried in vain may be put in other words each time.
                    let state = states.borrow_and_update().name();
                    if state != std::mem::replace(&mut told, state)
                        && let Err(exit) = self.tell(state)
                    {
                        return exit;
                    }
                    changed(&mut states).await;
                }
            };
            tokio::select! {
                exit = tell => return Ok(exit),
                why = self.server_is_gone() => {
                    output::say(&format!("{} does not accept connections any more: {why}", self.address));
                }
            }
            self.withdraw().await;
        }
    }

    async fn wait_for_server(&self) {
        let mut told = false;
        while let Err(why) = accepts(&self.address).await {
            if !std::mem::replace(&mut told, true) {
                let address = &self.address;
                output::say(&format!(
                    "{address} does not accept connections yet ({why}); it is listed when it does"
                ));
            }
            tokio::time::sleep(self.options.check).await;
        }
    }

    /// Returns the reason when it is.
    async fn server_is_gone(&self) -> String {
        if self.options.unchecked {
            std::future::pending::<()>().await;
        }
        let mut failures = 0;
        loop {
            tokio::time::sleep(self.options.check).await;
            match accepts(&self.address).await {
                Ok(()) => failures = 0,
                Err(why) => {
                    failures += 1;
                    if failures == FAILURES {
                        return why;
                    }
                }
            }
        }
    }

    /// Cancel safe: the next call goes on with it.
    async fn withdraw(&mut self) {
        if let Some(announcement) = self.announcement.take() {
            self.leaving = Some(Box::pin(announcement.leave()));
        }
        if let Some(leaving) = &mut self.leaving {
            leaving.await;
            self.leaving = None;
            // It ends anyway, or goes on without a reader until there is more to tell.
            let _ = self.tell("closed");
        }
    }

    fn tell(&self, state: &str) -> std::result::Result<(), Exit> {
        let address = self.address.to_string();
        let line = match self.options.form.is_json() {
            true => serde_json::json!({"schema": "fastctl.announce/1", "state": state, "address": address})
                .to_string(),
            false => format!("{state}  {address}"),
        };
        output::line(line.into_bytes())
    }
}

impl Options {
    fn settings(&self) -> Result<ServerOptions> {
        let mut settings = ServerOptions::default();
        for setting in &self.set {
            let (name, value) = setting.split_once('=').ok_or_else(|| {
                Error::new(ErrorKind::Invalid, format!("--set {setting}: write NAME=VALUE"))
            })?;
            settings.set(name, value)?;
        }
        settings.layouts = self.form.layouts.clone();
        settings.announce = self.target.clone();
        settings.advertise = self.address.clone();
        for (name, value) in [("weight", &self.weight), ("zone", &self.zone)] {
            if let Some(value) = value {
                settings.set(name, value)?;
            }
        }
        Ok(settings)
    }
}

/// Whether somebody listens there.
pub async fn accepts(address: &Address) -> std::result::Result<(), String> {
    let connecting = async {
        match address {
            Address::Tcp { host, port } => TcpStream::connect((host.as_str(), *port)).await.map(drop),
            Address::Unix(path) => UnixStream::connect(path).await.map(drop),
        }
    };
    match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", CONNECT_LIMIT.as_secs())),
    }
}
