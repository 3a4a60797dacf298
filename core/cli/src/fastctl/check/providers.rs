//! The providers of a service: whether each can be called, and answers.

use super::item::Item;
use crate::fastctl::announce::accepts;
use libfast::{Address, Client, ClientOptions, ErrorKind, Record};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Semaphore;

/// Longest that a provider may take to answer.
const LIMIT: Duration = Duration::from_secs(2);
/// Providers that are asked at once.
const AT_ONCE: usize = 64;
/// A clock that is so far ahead is worth mentioning.
const AHEAD: Duration = Duration::from_millis(500);

/// Asks all providers of `service`.
pub async fn check(service: &str, records: Vec<Record>, speaks_fast: bool) -> Vec<Item> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let asked: Vec<_> = records
        .into_iter()
        .map(|record| {
            let (turns, service) = (turns.clone(), service.to_owned());
            tokio::spawn(async move {
                let _turn = turns.acquire().await;
                look(&service, &record, speaks_fast).await
            })
        })
        .collect();
    let mut items = Vec::new();
    for item in asked {
        items.extend(item.await.unwrap_or_default());
    }
    items
}

async fn look(service: &str, record: &Record, speaks_fast: bool) -> Vec<Item> {
    let subject =
        if service.is_empty() { record.address.clone() } else { format!("{service} {}", record.address) };
    let endpoint = match record.endpoint() {
        Ok(endpoint) => endpoint,
        Err(error) => {
            let help = "clients pass over it: correct the program that announced it";
            return vec![Item::failed(PROVIDER, subject, error.message(), help)];
        }
    };
    let mut items = vec![ask(&subject, &endpoint.address, speaks_fast).await];
    if let Some(ahead) = ahead(record.started_ms) {
        let detail = format!("began {} ms from now, says its record", ahead.as_millis());
        items.push(Item::warning("clock", subject, detail, "synchronise the clocks, as with chrony"));
    }
    items
}

async fn ask(subject: &str, address: &Address, speaks_fast: bool) -> Item {
    let since = Instant::now();
    if let Err(why) = accepts(address).await {
        return Item::failed(
            PROVIDER,
            subject,
            format!("cannot be connected to: {why}"),
            "start it, or see whether a firewall or a wrong `advertise` is in the way",
        );
    }
    let took = |since: Instant| format!("{:.1} ms", since.elapsed().as_secs_f64() * 1e3);
    if !speaks_fast {
        return Item::ok(PROVIDER, subject, format!("accepts connections, {}", took(since)));
    }
    match ping(address).await {
        Ok(()) => Item::ok(PROVIDER, subject, format!("answers, {}", took(since))),
        // Any answer is one: node-fast's servers know no ping, and those that are busy or not well say so.
        Err(error) if matches!(error.kind(), ErrorKind::Remote | ErrorKind::Overload) => {
            Item::ok(PROVIDER, subject, format!("answers, {}", took(since)))
        }
        Err(error) => Item::failed(
            PROVIDER,
            subject,
            format!("accepts connections, but: {}", error.message()),
            "it hangs, or speaks another protocol: then check with --tcp",
        ),
    }
}

async fn ping(address: &Address) -> libfast::Result<()> {
    let mut options = ClientOptions::default();
    options.timeout_ms = LIMIT.as_millis() as u64;
    options.retries = 0;
    options.watch_servers = false;
    let client = Client::with_options(&address.to_string(), options)?;
    client.call("_fast.ping", [(); 0]).await.map(drop)
}

/// How far the moment lies in the future, if that cannot be chance.
fn ahead(started_ms: u64) -> Option<Duration> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Duration::from_millis(started_ms).checked_sub(now).filter(|ahead| *ahead > AHEAD)
}

const PROVIDER: &str = "provider";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_start_in_the_future_tells_of_a_wrong_clock() {
        let now = Record::of_this_process("test").started_ms;
        assert!(ahead(0).is_none() && ahead(now).is_none());
        assert!(ahead(now + 60_000).is_some());
    }
}
