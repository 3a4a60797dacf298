//! `fastserve`: a server with methods to try things on.
//!
//! It owns the life of the process: options, the line that says where it serves, and its end. What the methods do is in
//! [`methods`].

mod methods;
mod monitoring;
mod ports;

use crate::exit::{self, Exit};
use crate::{output, usage};
use libfast::{Announcement, Error, ErrorKind, Result, Server, ServerOptions, VERSION};
use monitoring::Monitoring;
use ports::Ports;
use std::io::IsTerminal;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind};

/// Serve demo methods: date, echo, fail, fastbench, sleep, words, yes
#[derive(clap::Args)]
#[command(override_usage = "fastserve [OPTIONS]")]
pub struct Options {
    /// Port to listen on, on this machine only; 0 takes a free one
    #[arg(short, long, value_name = "N", default_value = "2030", allow_hyphen_values = true)]
    port: String,
    /// Address to listen on instead: HOST:PORT, unix:/PATH, or [::]:PORT for all addresses
    #[arg(short, long, value_name = "ADDRESS", conflicts_with = "port")]
    listen: Option<String>,
    /// Port of the monitoring pages, on this machine only, or HOST:PORT; 0 takes a free one [default: 800 above the
    /// port for calls, or a free one where that is free or there is none]
    #[arg(short, long, value_name = "N", allow_hyphen_values = true)]
    mon_port: Option<String>,
    /// Be found under this target: a service name, dir:///FOLDER/SERVICE or zk://HOSTS/ROOT/SERVICE
    #[arg(short, long, value_name = "TARGET")]
    announce: Option<String>,
    /// Address to announce, where it differs from the one listened on
    #[arg(long, value_name = "ADDRESS", requires = "announce")]
    advertise: Option<String>,
    /// Share of calls relative to other providers
    #[arg(long, value_name = "N", requires = "announce")]
    weight: Option<String>,
    /// Failure domain to announce
    #[arg(long, value_name = "NAME", requires = "announce")]
    zone: Option<String>,
    /// At the end wait until all clients have gone, not only until their calls are answered
    #[arg(short, long)]
    quiesce: bool,
    /// Makes operands an error in the words of node-fast
    #[arg(hide = true, trailing_var_arg = true)]
    operands: Vec<String>,
}

/// Serves until SIGINT or SIGTERM, then answers what is under way. A second signal ends it at once.
pub async fn run(options: Options) -> Exit {
    match serve(options).await {
        Ok(exit) => exit,
        Err(error) if error.kind() == ErrorKind::Invalid => usage::fail("fastserve", error.message(), ""),
        Err(error) if error.kind() == ErrorKind::Connect => exit::fail(
            &error,
            "choose another address, or port 0 for a free one; somebody may listen there already",
        ),
        Err(error) => exit::fail(&error, ""),
    }
}

async fn serve(options: Options) -> Result<Exit> {
    let mut stop = Stop::listen()?;
    let ports = options.ports()?;
    let announced = options.settings(&ports)?;
    let mut settings = announced.clone();
    if options.quiesce {
        // The entry has to leave the registry long before the server stops, so it is not left to the server.
        settings.announce.clear();
    }
    let server = Server::new(settings)?;
    methods::add_all(&server)?;
    let monitoring = Monitoring::listen(&ports.monitoring).await?;
    let start = async {
        let address = server.start().await?;
        let announcement = match options.quiesce {
            true => libfast::announce(&announced, Some(&address)).await?,
            false => None,
        };
        Ok::<_, Error>((address, announcement))
    };
    let (address, announcement) = tokio::select! {
        biased;
        () = stop.requested() => return Ok(Exit::Ok),
        started = start => started?,
    };
    // A server goes on without somebody who reads this.
    let methods = methods::NAMES.join(" ");
    let admin = &monitoring.address;
    let line = format!("fastserve {VERSION}  rpc {address}  admin http://{admin}  methods: {methods}");
    let _ = output::line(line.into_bytes());
    if std::io::stderr().is_terminal() {
        output::say(&format!("try: fastcall {address} date"));
    }
    stop.requested().await;
    tokio::select! {
        () = wind_down(&server, announcement, &announced, options.quiesce) => Ok(Exit::Ok),
        () = stop.requested() => Ok(Exit::Interrupted),
    }
}

/// Ends the server when it has done what it was asked for. `announcement` is there only to quiesce.
async fn wind_down(
    server: &Server,
    announcement: Option<Announcement>,
    options: &ServerOptions,
    quiesce: bool,
) {
    if let Some(announcement) = announcement {
        announcement.withdraw().await;
    }
    while quiesce && server.connections() > 0 {
        tokio::time::sleep(LOOK).await;
    }
    server.stop(Duration::from_millis(options.drain_ms)).await;
}

impl Options {
    fn ports(&self) -> Result<Ports> {
        let invalid = |message| Error::new(ErrorKind::Invalid, message);
        if !self.operands.is_empty() {
            let operands = self.operands.join(" ");
            return Err(invalid(format!("Positional arguments found when none were expected: {operands}")));
        }
        Ports::read(&self.port, self.listen.as_deref(), self.mon_port.as_deref()).map_err(invalid)
    }

    fn settings(&self, ports: &Ports) -> Result<ServerOptions> {
        let mut settings = ServerOptions::default();
        settings.listen = ports.fast.to_string();
        let given = [
            ("announce", &self.announce),
            ("advertise", &self.advertise),
            ("weight", &self.weight),
            ("zone", &self.zone),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                settings.set(name, value)?;
            }
        }
        Ok(settings)
    }
}

/// The signals that end the server.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: exit::signal(SignalKind::interrupt())?,
            terminate: exit::signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next signal.
    async fn requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Between looks whether clients are left.
const LOOK: Duration = Duration::from_millis(10);
