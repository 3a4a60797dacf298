//! Clients that outlive the requests of a PHP worker: found again by name.

use crate::client::Client;
use crate::config::Config;
use crate::per_process::PerProcess;
use libfast_model::Result;
use std::collections::HashMap;
use std::sync::Arc;

struct Named {
    target: String,
    config: Config,
    client: Arc<Client>,
}

static CLIENTS: PerProcess<HashMap<String, Named>> = PerProcess::new();

impl Client {
    /// The process's client of that name, made if there is none. If it was made with another target or other options,
    /// or in the parent of a fork, a new one takes its place; whoever holds the old one keeps it.
    pub fn named(name: &str, target: &str, config: &Config) -> Result<Arc<Self>> {
        let mut clients = CLIENTS.lock();
        let same = |named: &&Named| named.target == target && named.config == *config;
        // One that was closed is of no use to anybody.
        if let Some(named) = clients.get(name).filter(same).filter(|named| named.client.is_usable()) {
            return Ok(named.client.clone());
        }
        let client = Arc::new(Client::new(target, config)?);
        let named = Named { target: target.into(), config: config.clone(), client: client.clone() };
        clients.insert(name.to_owned(), named);
        Ok(client)
    }
}

pub(crate) fn forget_all() {
    let all = std::mem::take(&mut *CLIENTS.lock());
    drop(all);
}
