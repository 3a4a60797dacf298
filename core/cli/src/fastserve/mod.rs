//! `fastserve`: a server with methods to try things on.
//!
//! It owns the life of the process: options, the line that says where it serves, and its end. What the methods do is in
//! [`methods`].

mod descriptors;
mod exec;
mod listing;
mod methods;
mod monitoring;
mod ports;
mod process_groups;

use crate::exit::{self, Exit};
use crate::monitor::{self, Pages};
use crate::stop::Stop;
use crate::{output, usage};
use exec::Exec;
use libfast::{Error, ErrorKind, Result, Server, ServerOptions, VERSION};
use monitoring::Monitoring;
use ports::Ports;
use std::io::IsTerminal;
use std::time::Duration;

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
    /// How to be listed in ZooKeeper, beside or instead of libfast's own way: fast, thriftkeeper, serverset, curator, spring,
    /// each with :/PATH if it is elsewhere, separated by commas
    #[arg(long, value_name = "LAYOUTS", requires = "announce")]
    layouts: Option<String>,
    /// At the end accept no more connections, then wait until all clients have gone, not only until their calls are
    /// answered
    #[arg(short, long)]
    quiesce: bool,
    /// Add a method that runs a command of the shell for each call: it gets the arguments as JSON on its standard input,
    /// each line that it prints is a value (one that is no JSON as a string; empty ones and null are none), and if it
    /// fails, the last line of its standard error is the message of an ExecError. May be repeated
    #[arg(long, value_name = "NAME=COMMAND")]
    exec: Vec<String>,
    /// Most commands of --exec that run at once; one more call is refused with FastOverloaded
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    exec_limit: u16,
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
    let mut settings = options.settings(&ports)?;
    let drain = Duration::from_millis(settings.drain_ms);
    let monitoring = Monitoring::listen(&ports.monitoring).await?;
    settings.advertise_metrics = monitoring.callable();
    let server = Server::new(settings)?;
    methods::add_all(&server)?;
    let (exec, commands) = Exec::add_all(&server, &options.exec, options.exec_limit.into())?;
    descriptors::raise_limit();
    let observed = server.clone();
    tokio::spawn(monitor::serve(
        monitoring.listener,
        Pages::new(move || libfast::kang_snapshot("fastserve", std::slice::from_ref(&observed), &[])),
    ));
    let address = tokio::select! {
        biased;
        () = stop.requested() => return Ok(Exit::Ok),
        started = server.start() => started?,
    };
    let names = methods::NAMES
        .iter()
        .copied()
        .chain(commands.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join(" ");
    let admin = &monitoring.address;
    let line = format!("fastserve {VERSION}  rpc {address}  admin http://{admin}  methods: {names}");
    // A server goes on without somebody who reads this.
    let _ = output::line(line.into_bytes());
    if std::io::stderr().is_terminal() {
        output::say(&format!("try: fastcall {address} date"));
    }
    let telling = tokio::spawn(listing::tell(server.clone()));
    stop.requested().await;
    telling.abort();
    let wind_down = async {
        if options.quiesce {
            server.stop_accepting().await;
            server.connections_closed().await;
        }
        server.stop(drain).await;
    };
    let exit = tokio::select! {
        () = wind_down => Exit::Ok,
        () = stop.requested() => Exit::Interrupted,
    };
    exec.kill_all();
    Ok(exit)
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
        // As node-fast's fastserve, which its users scrape.
        settings.metrics_legacy_names = true;
        settings.metrics_labels = "component=fastserve".into();
        let given = [
            ("announce", &self.announce),
            ("advertise", &self.advertise),
            ("weight", &self.weight),
            ("zone", &self.zone),
            ("layouts", &self.layouts),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                settings.set(name, value)?;
            }
        }
        Ok(settings)
    }
}
