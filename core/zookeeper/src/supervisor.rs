//! Makes the session, keeps it, takes it up again after outages and closes it.

use crate::backoff::Backoff;
use crate::failure::{diagnose, unreachable};
use crate::session::{Ensemble, Link};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};
use zookeeper_client::{Client, Error as ZkError, SessionInfo, SessionState, StateWatcher};

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// An attempt that takes longer is reported as failed, and goes on.
const SLOW: Duration = Duration::from_secs(3);
/// Longest wait for the server to acknowledge the end of the session.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// The owner of the session.
pub struct Supervisor {
    ensemble: Ensemble,
    links: watch::Sender<Link>,
    states: Option<StateWatcher>,
}

impl Supervisor {
    pub fn new(ensemble: Ensemble, links: watch::Sender<Link>) -> Self {
        Self { ensemble, links, states: None }
    }

    /// Keeps a session up until `closing` resolves, then ends it and waits for the acknowledgement.
    pub async fn run(mut self, closing: oneshot::Receiver<()>) {
        tokio::select! {
            never = self.keep_up() => match never {},
            _ = closing => {}
        }
        // The crate ends the session when the last client is dropped: this one, and those of the duties, which drop
        // theirs when they hear of it.
        self.links.send_replace(Link::Closed);
        let Some(mut states) = self.states.take() else { return };
        if states.peek_state() == SessionState::Disconnected {
            return;
        }
        let ended = async {
            while !states.state().is_terminated() {
                states.changed().await;
            }
        };
        if timeout(CLOSE_LIMIT, ended).await.is_err() {
            tracing::warn!("ZooKeeper did not acknowledge the end of the session; it will expire");
        }
    }

    async fn keep_up(&mut self) -> Infallible {
        let mut former = None;
        loop {
            let client = self.connect(&mut former).await;
            tracing::info!(session = %client.session_id(), "ZooKeeper session is open");
            former = Some(client.session().clone());
            self.states = Some(client.state_watcher());
            self.follow(client).await;
        }
    }

    /// Tries until there is a session: the former one as long as no server says that it has expired, as the crate
    /// also gives it up by its own clock; its nodes then never leave the lists.
    async fn connect(&self, former: &mut Option<SessionInfo>) -> Client {
        // A former session lives on for about its timeout once servers are back; several attempts must fit in.
        let cap =
            former.as_ref().map_or(LONGEST_WAIT, |_| LONGEST_WAIT.min(self.ensemble.session_timeout / 4));
        let mut backoff = Backoff::new(FIRST_WAIT, cap);
        loop {
            let error = match self.attempt(former.clone()).await {
                Ok(client) => return client,
                Err(ZkError::SessionExpired) if former.is_some() => {
                    tracing::warn!("the ZooKeeper session has expired; making a new one");
                    *former = None;
                    backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
                    continue;
                }
                Err(error) => error,
            };
            let why = diagnose(&self.ensemble.hosts, &error).await;
            self.fail(&why);
            sleep(backoff.step()).await;
        }
    }

    /// Asks each server once.
    async fn attempt(&self, former: Option<SessionInfo>) -> Result<Client, ZkError> {
        let hosts = self.ensemble.hosts.join(",");
        let mut connector =
            Client::connector().with_session_timeout(self.ensemble.session_timeout).with_fail_eagerly();
        if let Some(former) = former {
            connector = connector.with_session(former);
        }
        let mut attempt = std::pin::pin!(connector.connect(&hosts));
        if let Ok(outcome) = timeout(SLOW, &mut attempt).await {
            return outcome;
        }
        self.fail(&format!("no session within {} s", SLOW.as_secs()));
        attempt.await
    }

    fn fail(&self, why: &str) {
        let error = unreachable(&self.ensemble.hosts, why);
        // The first time is worth a line; the next ones say the same.
        if !matches!(*self.links.borrow(), Link::Failed(_)) {
            tracing::warn!(%error);
        }
        self.links.send_replace(Link::Failed(error));
    }

    /// Publishes how the session is until it is lost for this client.
    async fn follow(&self, client: Client) {
        let mut states = client.state_watcher();
        let mut state = states.state();
        loop {
            match state {
                SessionState::SyncConnected | SessionState::ConnectedReadOnly => {
                    self.links.send_replace(Link::Connected(client.clone()));
                }
                _ => {
                    tracing::info!(%state, "ZooKeeper connection is lost");
                    self.links.send_replace(Link::Suspended);
                }
            }
            if state.is_terminated() {
                return;
            }
            state = tokio::select! {
                state = states.changed() => state,
                () = self.dead(&client) => SessionState::Closed,
            };
        }
    }

    /// Returns if the client fails in a way that its state does not tell, which would be a defect of the crate.
    async fn dead(&self, client: &Client) {
        loop {
            sleep(self.ensemble.session_timeout).await;
            let answer = client.check_stat("/").await;
            if answer.is_err_and(|error| matches!(error, ZkError::UnexpectedError(_))) {
                tracing::warn!("the ZooKeeper client does not work any more; making another one");
                return;
            }
        }
    }
}
