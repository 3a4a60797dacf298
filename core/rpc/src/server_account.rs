//! What a server's connection keeps for operators: counts for its snapshot, and what it has told the metrics.

use crate::clock::Start;
use crate::methods::Method;
use crate::metrics::{ServerMeter, Untold};
use crate::refusal::Refusal;
use crate::running::Running;
use crate::socket::Ends;
use libfast_model::Cause;
use libfast_protocol::{ProtocolError, ServerConnection as Wire, Traffic};
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Instant;

/// One connection's account. It lives under the connection's lock, so that counting is plain addition.
pub(crate) struct ServerAccount {
    meter: Option<Arc<ServerMeter>>,
    untold: Untold,
    /// Without what the state machine answers itself.
    tally: Tally,
    stage: Stage,
    traffic: Traffic,
    malformed: u64,
    /// What broke the connection, if something did.
    pub error_socket: Option<String>,
    /// Name and message of why the server ended the connection, if it did.
    pub error_server: Option<(&'static str, String)>,
}

/// How many requests there were, and how many old-style aborts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub started: u64,
    /// Failed ones included.
    pub completed: u64,
    pub failed: u64,
    pub aborts: u64,
}

/// What a client did not get on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stalled {
    /// Sending the rest of a message.
    Received,
    /// Taking what waits for it.
    Sent,
}

impl Stalled {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Received, Self::Sent];

    /// What metrics call it.
    pub fn direction(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sent => "sent",
        }
    }
}

/// Where a connection stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Open,
    /// The client has ended its side.
    Draining,
    Closed,
}

/// A connection at one moment, for those who show it.
pub(crate) struct SeenConnection {
    pub id: u64,
    pub accepted: Start,
    pub ends: Ends,
    pub tally: Tally,
    pub draining: bool,
    pub error_socket: Option<String>,
    pub error_server: Option<(&'static str, String)>,
    pub running: Vec<Arc<Running>>,
}

/// A request that is answered as soon as it came.
const AT_ONCE: Tally = Tally { started: 1, completed: 1, failed: 1, aborts: 0 };

impl ServerAccount {
    /// The account of a new connection.
    pub fn new(meter: Option<Arc<ServerMeter>>) -> Self {
        let account = Self {
            meter,
            untold: Untold::default(),
            tally: Tally::default(),
            stage: Stage::Open,
            traffic: Traffic::default(),
            malformed: 0,
            error_socket: None,
            error_server: None,
        };
        account.count_connection(Stage::Open, 1);
        account
    }

    pub fn stage(&self) -> Stage {
        self.stage
    }

    pub fn enter(&mut self, stage: Stage) {
        self.count_connection(self.stage, -1);
        self.count_connection(stage, 1);
        self.stage = stage;
    }

    /// A request is handed to its handler.
    pub fn begin(&mut self, method: &Arc<Method>) {
        self.tally.started += 1;
        self.untold.begin(method);
    }

    /// A request that began has ended. An empty `error_type` is success.
    pub fn end(&mut self, running: &Running, error_type: &str, now: Instant) {
        self.tally.completed += 1;
        self.tally.failed += u64::from(!error_type.is_empty());
        self.untold.end(running.method(), running.start.until(now), error_type);
    }

    /// A request was answered at once, because its method is not registered.
    pub fn unregistered(&mut self, start: &Start) {
        self.tally += AT_ONCE;
        if let Some(meter) = &self.meter {
            meter.unregistered(start.elapsed());
        }
    }

    /// A request was answered at once instead of being handed to its handler.
    pub fn refused(&mut self, method: &Method, why: Refusal, start: &Start) {
        self.tally += AT_ONCE;
        if let Some(meter) = &method.meter {
            meter.record(start.elapsed(), why.error_name());
        }
        self.count_refusal(why);
    }

    /// A request that was about to be handed to its handler is not run.
    pub fn refuse(&mut self, running: &Running, why: Refusal, now: Instant) {
        self.end(running, why.error_name(), now);
        self.count_refusal(why);
    }

    /// The client broke the protocol.
    pub fn violated(&mut self, error: &ProtocolError) {
        if let Some(meter) = &self.meter {
            meter.protocol_error(error.reason());
        }
        self.error_server = Some((Cause::Protocol.name(), error.message().to_owned()));
    }

    /// The client got on with nothing.
    pub fn stalled(&mut self, what: Stalled, why: &str) {
        if let Some(meter) = &self.meter {
            meter.stalled(what);
        }
        self.error_server = Some(("Error", why.to_owned()));
    }

    /// The connection ended for this reason.
    pub fn broke(&mut self, why: &std::io::Error) {
        if self.error_server.is_none() {
            self.error_socket = Some(why.to_string());
        }
    }

    /// The server closed the connection.
    pub fn closed(&mut self) {
        self.error_server.get_or_insert(("Error", "the server is shutting down".to_owned()));
    }

    /// Tells the metrics what it and the state machine have counted since the last time.
    pub fn publish<T>(&mut self, wire: &Wire<T>) {
        self.untold.publish();
        let Some(meter) = &self.meter else { return };
        meter.traffic.publish(wire.traffic(), &mut self.traffic);
        for _ in self.malformed..wire.malformed() {
            // Such a request is answered while it is read.
            meter.unregistered(std::time::Duration::ZERO);
        }
        self.malformed = wire.malformed();
    }

    /// The counts, with those of the state machine.
    pub fn tally<T>(&self, wire: &Wire<T>) -> Tally {
        let malformed = wire.malformed();
        let mut tally = self.tally;
        tally +=
            Tally { started: malformed, completed: malformed, failed: malformed, aborts: wire.ignored() };
        tally
    }

    fn count_refusal(&self, why: Refusal) {
        if let Some(meter) = &self.meter {
            meter.refused(why);
        }
    }

    fn count_connection(&self, stage: Stage, change: i64) {
        let Some(meter) = &self.meter else { return };
        match stage {
            Stage::Open => meter.open.inc_by(change),
            Stage::Draining => meter.draining.inc_by(change),
            Stage::Closed => 0,
        };
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.started += other.started;
        self.completed += other.completed;
        self.failed += other.failed;
        self.aborts += other.aborts;
    }
}
