//! Makes the session, keeps it, takes it up again after outages and closes it.

use crate::backoff::{Backoff, about};
use crate::failure::{Diagnosis, diagnose, refusing, unauthenticated, unreachable};
use crate::security::{connector, has_credentials};
use crate::session::{Ensemble, Link};
use libfast_model::{Error, ZooKeeperAccess};
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};
use zookeeper_client::{Client, Error as ZkError, SessionInfo, SessionState, StateWatcher};

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const FIRST_REFUSED_WAIT: Duration = Duration::from_secs(1);
const LONGEST_REFUSED_WAIT: Duration = Duration::from_secs(30);
/// An attempt that takes longer is reported as failed, and goes on. So are several that are broken off.
const SLOW: Duration = Duration::from_secs(3);
/// Longest wait for the server to acknowledge the end of the session.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// Why there is no session.
enum Failure {
    ZooKeeper(ZkError),
    /// What the options name cannot be used.
    Access(Error),
}

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
            former.as_ref().map_or(LONGEST_WAIT, |_| LONGEST_WAIT.min(self.access().session_timeout / 4));
        let mut backoff = Backoff::new(FIRST_WAIT, cap);
        // What an operator has to put right first is not worth asking often.
        let mut refused = Backoff::new(FIRST_REFUSED_WAIT, LONGEST_REFUSED_WAIT);
        let (begun, is_known) = (Instant::now(), has_credentials(self.access()));
        loop {
            let wait = match self.attempt(former.clone()).await {
                Ok(client) => return client,
                Err(Failure::ZooKeeper(ZkError::SessionExpired)) if former.is_some() => {
                    tracing::warn!("the ZooKeeper session has expired; making a new one");
                    *former = None;
                    backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
                    continue;
                }
                Err(Failure::Access(error)) => {
                    self.report(Link::Refused(error));
                    refused.step()
                }
                Err(Failure::ZooKeeper(ZkError::AuthFailed)) => {
                    self.report(Link::Refused(unauthenticated(&self.ensemble)));
                    refused.step()
                }
                Err(Failure::ZooKeeper(error)) => match diagnose(&self.ensemble, &error).await {
                    Diagnosis::Refused(why) => {
                        self.report(Link::Refused(refusing(&self.ensemble.hosts, &why)));
                        // That may be one host of several, of which the others are away for a moment only.
                        backoff.step()
                    }
                    // The crate sends credentials before the server has answered that there is a session. ZooKeeper on Netty now
                    // and then answers them first, which the crate takes for no ZooKeeper. That says nothing about either.
                    Diagnosis::BrokenOff(_) if is_known && begun.elapsed() < SLOW => about(FIRST_WAIT),
                    Diagnosis::BrokenOff(why) | Diagnosis::Away(why) => {
                        self.report(Link::Unreachable(unreachable(&self.ensemble.hosts, &why)));
                        backoff.step()
                    }
                },
            };
            sleep(wait).await;
        }
    }

    /// Asks each server once.
    async fn attempt(&self, former: Option<SessionInfo>) -> Result<Client, Failure> {
        let hosts = self.ensemble.hosts.join(",");
        let mut connector = connector(self.access()).await.map_err(Failure::Access)?.with_fail_eagerly();
        if let Some(former) = former {
            connector = connector.with_session(former);
        }
        let is_secure = !self.access().ca_file.is_empty();
        let connecting = async {
            match is_secure {
                true => connector.secure_connect(&hosts).await,
                false => connector.connect(&hosts).await,
            }
        };
        let mut attempt = std::pin::pin!(connecting);
        let outcome = match timeout(SLOW, &mut attempt).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let why = format!("no session within {} s", SLOW.as_secs());
                self.report(Link::Unreachable(unreachable(&self.ensemble.hosts, &why)));
                attempt.await
            }
        };
        outcome.map_err(Failure::ZooKeeper)
    }

    fn access(&self) -> &ZooKeeperAccess {
        &self.ensemble.access
    }

    /// Says why there is no session.
    fn report(&self, link: Link) {
        // The first time is worth a line; the next ones say the same.
        if let Some(error) = link.error()
            && self.links.borrow().error().is_none_or(|last| last.message() != error.message())
        {
            tracing::warn!(%error);
        }
        self.links.send_replace(link);
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
            sleep(self.access().session_timeout).await;
            let answer = client.check_stat("/").await;
            if answer.is_err_and(|error| matches!(error, ZkError::UnexpectedError(_))) {
                tracing::warn!("the ZooKeeper client does not work any more; making another one");
                return;
            }
        }
    }
}
