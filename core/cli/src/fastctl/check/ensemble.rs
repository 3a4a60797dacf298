//! The servers of a ZooKeeper ensemble, each asked by itself with its command `srvr`.

use super::item::Item;
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_secs(2);
const MOST_BYTES: u64 = 64 << 10;
const CHECK: &str = "ensemble";

/// What a server says about itself.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Serves {
        version: String,
        mode: String,
        latency: String,
    },
    /// It may not say: the command is not in its `4lw.commands.whitelist`, or the port is for TLS.
    Silent,
    /// It is up but in no ensemble that could decide anything.
    Alone,
}

/// Asks all at once; over TLS, where the command cannot be sent, only whether they accept connections.
pub async fn check(hosts: &[String], tls: bool) -> Vec<Item> {
    let asked: Vec<_> = hosts.iter().map(|host| tokio::spawn(ask(host.clone(), tls))).collect();
    let (mut items, mut versions, mut modes) = (Vec::new(), BTreeSet::new(), Vec::new());
    for (host, asked) in hosts.iter().zip(asked) {
        let answer = asked.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        items.push(item(host, &answer));
        if let Ok(Answer::Serves { version, mode, .. }) = answer {
            versions.insert(version);
            modes.push(mode);
        }
    }
    if let Some(wrong) = together(&modes) {
        items.push(wrong);
    }
    if versions.len() > 1 {
        let versions: Vec<_> = versions.into_iter().collect();
        items.push(Item::warning(CHECK, "versions", versions.join(", "), "finish the upgrade"));
    }
    items
}

fn item(host: &str, answer: &io::Result<Answer>) -> Item {
    match answer {
        Ok(Answer::Serves { version, mode, latency }) => {
            Item::ok(CHECK, host, format!("{mode}, version {version}, latency {latency} ms (min/avg/max)"))
        }
        Ok(Answer::Silent) => Item::ok(CHECK, host, "accepts connections (it cannot be asked with srvr)"),
        Ok(Answer::Alone) => Item::failed(
            CHECK,
            host,
            "runs, but serves no requests",
            "it finds no majority of the ensemble: look at the other servers and the network between them",
        ),
        Err(error) => Item::failed(CHECK, host, error, "start the server, or correct the target"),
    }
}

/// Whether the modes are those of one ensemble.
fn together(modes: &[String]) -> Option<Item> {
    let count = |mode: &str| modes.iter().filter(|one| *one == mode).count();
    let (alone, leaders) = (count("standalone"), count("leader"));
    if alone > 0 && modes.len() > 1 {
        let detail = format!("{alone} of {} servers are standalone", modes.len());
        let help = "clients that use one see nothing of the others: configure them as one ensemble, or name one only";
        return Some(Item::failed(CHECK, "members", detail, help));
    }
    if leaders > 1 {
        let help = "the target names servers of several ensembles: name those of one";
        return Some(Item::failed(CHECK, "members", format!("{leaders} leaders"), help));
    }
    None
}

async fn ask(host: String, tls: bool) -> io::Result<Answer> {
    let talk = async {
        let mut stream = TcpStream::connect(&host).await?;
        if tls {
            return Ok(Answer::Silent);
        }
        stream.write_all(b"srvr").await?;
        let mut text = Vec::new();
        stream.take(MOST_BYTES).read_to_end(&mut text).await?;
        Ok(read(&String::from_utf8_lossy(&text)))
    };
    match tokio::time::timeout(LIMIT, talk).await {
        Ok(answer) => answer,
        Err(_) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", LIMIT.as_secs())))
        }
    }
}

fn read(text: &str) -> Answer {
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    if text.contains("not currently serving requests") {
        return Answer::Alone;
    }
    match (value("Zookeeper version"), value("Mode")) {
        (Some(version), Some(mode)) => Answer::Serves {
            version: version.split(['-', ',']).next().unwrap_or_default().to_owned(),
            mode: mode.to_owned(),
            latency: value("Latency min/avg/max").unwrap_or("unknown").to_owned(),
        },
        _ => Answer::Silent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_understood() {
        let text = "Zookeeper version: 3.8.0-5a02a05, built on 2022-02-25 08:49 UTC\nLatency min/avg/max: 0/0.5/3\n\
                    Received: 4\nConnections: 1\nOutstanding: 0\nZxid: 0x2\nMode: follower\nNode count: 5\n";
        let (version, mode, latency) = ("3.8.0".into(), "follower".into(), "0/0.5/3".into());
        assert_eq!(read(text), Answer::Serves { version, mode, latency });
        let unlisted = "srvr is not executed because it is not in the whitelist.\n";
        assert_eq!(read(unlisted), Answer::Silent);
        assert_eq!(read("This ZooKeeper instance is not currently serving requests\n"), Answer::Alone);
    }

    #[test]
    fn servers_that_are_no_ensemble_are_told_apart() {
        let modes = |modes: &[&str]| together(&modes.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(modes(&["leader", "follower", "follower"]).is_none());
        assert!(modes(&["standalone"]).is_none() && modes(&[]).is_none());
        assert!(modes(&["standalone", "standalone"]).is_some());
        assert!(modes(&["leader", "leader"]).is_some());
    }
}
