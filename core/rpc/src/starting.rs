//! A server while it starts.

use crate::acceptor::Acceptor;
use crate::leaving::Leaving;
use crate::server::{Running, Server};
use libfast_model::{Address, Error, ErrorKind, Result};
use libfast_registry::Announcement;
use tokio::sync::watch;

/// There while a server starts. If that fails or is given up, it is as if it had not begun.
pub(crate) struct Starting<'s> {
    server: &'s Server,
    _over: watch::Sender<()>,
}

impl<'s> Starting<'s> {
    pub fn enter(server: &'s Server) -> Result<Self> {
        let mut running = server.lock();
        if !matches!(*running, Running::New) {
            return Err(Error::new(ErrorKind::State, "the server was started or stopped before"));
        }
        let (_over, over) = watch::channel(());
        *running = Running::Starting { over, stop: None };
        Ok(Self { server, _over })
    }

    /// It listens and is announced. If it was to be stopped meanwhile, that begins.
    pub fn leave(
        self,
        address: &Address,
        acceptor: Acceptor,
        announced: Option<Box<Announcement>>,
    ) -> Result<()> {
        let mut running = self.server.lock();
        if let Running::Starting { stop: Some(drain), .. } = *running {
            let shared = self.server.shared();
            let leaving = Leaving::begin(shared.clone(), acceptor, announced);
            *running = shared.wind_down(leaving, false, drain);
            return Err(Error::new(ErrorKind::Closed, "the server was stopped while it started"));
        }
        *running = Running::Started { address: address.clone(), acceptor, announced };
        Ok(())
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        let mut running = self.server.lock();
        let Running::Starting { stop, .. } = &*running else { return };
        let is_stopped = stop.is_some();
        *running = if is_stopped { Running::stopped() } else { Running::New };
        // A connection may come yet that was accepted before the start was given up. A stopped server takes none.
        match is_stopped {
            true => self.server.shared().close_all(),
            false => self.server.shared().hang_up(),
        }
    }
}
