//! Clients that outlive the requests of a PHP worker: found again by name.

use crate::client::Client;
use crate::config::Config;
use crate::fork::fork_generation;
use libfast_model::Result;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

struct Named {
    target: String,
    config: Config,
    fork: u64,
    client: Arc<Client>,
}

static CLIENTS: Mutex<Option<HashMap<String, Named>>> = Mutex::new(None);

impl Client {
    /// The process's client of that name, made if there is none. If it was made with another target or other options,
    /// or in the parent of a fork, a new one takes its place; whoever holds the old one keeps it.
    pub fn named(name: &str, target: &str, config: &Config) -> Result<Arc<Self>> {
        let mut clients = lock();
        let clients = clients.get_or_insert_default();
        let same = |named: &&Named| {
            named.target == target && named.config == *config && named.fork == fork_generation()
        };
        // One that was closed is of no use to anybody.
        if let Some(named) = clients.get(name).filter(same).filter(|named| named.client.is_usable()) {
            return Ok(named.client.clone());
        }
        let client = Arc::new(Client::new(target, config)?);
        let named = Named {
            target: target.into(),
            config: config.clone(),
            fork: fork_generation(),
            client: client.clone(),
        };
        clients.insert(name.to_owned(), named);
        Ok(client)
    }
}

pub(crate) fn forget_all() {
    let all = lock().take();
    drop(all);
}

fn lock() -> MutexGuard<'static, Option<HashMap<String, Named>>> {
    CLIENTS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
