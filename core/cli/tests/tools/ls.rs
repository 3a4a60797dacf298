//! `fastctl ls` on a folder registry.

use super::support::*;
use rustix::process::Signal;
use serde_json::json;

fn ls(args: &[&str]) -> Ended {
    run("fastctl", &[&["ls"], args].concat())
}

fn addresses(listing: &serde_json::Value) -> Vec<String> {
    let providers = listing["providers"].as_array().unwrap().iter();
    let mut addresses: Vec<_> = providers.map(|p| p["address"].as_str().unwrap().to_owned()).collect();
    addresses.sort();
    addresses
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_has_providers_until_they_die_and_consumers() {
    let folder = tempfile::tempdir().unwrap();
    let registry = format!("dir://{}", folder.path().display());
    let target = format!("{registry}/echo");
    let first = Fastserve::start(&["-a", &target, "--weight", "7", "--zone", "a\u{7}"]);
    let second = Fastserve::start(&["-a", &target]);
    let mut expected = [first.address().to_owned(), second.address().to_owned()];
    expected.sort();

    let listing = ls(&[&target, "-o", "json"]).json();
    assert_eq!(addresses(&listing), expected);
    assert_eq!(listing["schema"], "fastctl.ls/1");
    assert_eq!((&listing["kind"], &listing["service"]), (&json!("service"), &json!("echo")));
    assert_eq!((&listing["registry"], &listing["consumers"]), (&json!(registry), &json!([])));
    let providers = listing["providers"].as_array().unwrap();
    let provider = providers.iter().find(|provider| provider["address"] == first.address()).unwrap();
    let told = ["weight", "zone", "name", "pid", "state"].map(|member| provider[member].clone());
    assert_eq!(told, [json!(7), json!("a\u{7}"), json!("fastserve"), json!(first.id()), json!("listed")]);

    let table = ls(&[&target]).data();
    let lines: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["ADDRESS", "WEIGHT", "ZONE", "NAME", "PID", "STATE", "AGE"]);
    let id = first.id().to_string();
    let row = [first.address(), "7", r"a\u{7}", "fastserve", &id, "listed"];
    assert!(lines[1..].iter().any(|line| line[..6] == row), "{table}");
    assert_eq!(lines.len(), 3, "{table}");

    // A service can be named alone if its registry is the default one.
    let by_name =
        finish(start(tool("fastctl").args(["ls", "echo", "-o", "json"]).env("FAST_REGISTRY", &registry)));
    assert_eq!(addresses(&by_name.json()), expected);

    let client = client(&target);
    let consumers = until("a client is listed", || {
        let listing = ls(&[&target, "-o", "json"]).json();
        listing["consumers"].as_array().filter(|list| !list.is_empty()).cloned()
    });
    assert_eq!(consumers[0]["pid"], std::process::id());
    assert!(ls(&[&target]).data().contains("\n\nCONSUMER"));
    drop(client);

    let left = second.address().to_owned();
    first.kill();
    until("the dead are not listed", || {
        (addresses(&ls(&[&target, "-o", "json"]).json()) == [left.clone()]).then_some(())
    });
    second.signal(Signal::TERM);
    assert_eq!(second.finish().code(), 0);
    assert!(addresses(&ls(&[&target, "-o", "json"]).json()).is_empty());
}

#[test]
fn a_registry_has_services_with_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let registry = format!("dir://{}", folder.path().display());
    assert_eq!(ls(&[&registry]).data(), "SERVICE  PROVIDERS  CONSUMERS\n");
    let _servers =
        ["echo", "calc", "echo"].map(|name| Fastserve::start(&["-a", &format!("{registry}/{name}")]));
    let expected = json!({
        "schema": "fastctl.ls/1",
        "kind": "registry",
        "registry": registry,
        "services": [
            {"service": "calc", "providers": 1, "consumers": 0},
            {"service": "echo", "providers": 2, "consumers": 0},
        ],
    });
    assert_eq!(ls(&[&registry, "-o", "json"]).json(), expected);
    let table = ls(&[&format!("{registry}/")]).data();
    let rows: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows, [["SERVICE", "PROVIDERS", "CONSUMERS"], ["calc", "1", "0"], ["echo", "2", "0"]]);
    // Without a target it is the default registry.
    let default = finish(start(tool("fastctl").args(["ls", "-o", "json"]).env("FAST_REGISTRY", &registry)));
    assert_eq!(default.json(), expected);
}

#[test]
fn the_users_own_folder_is_the_last_default() {
    for args in [&["ls", "-o", "json"][..], &["ls", "dir:", "-o", "json"]] {
        let listing = finish(start(tool("fastctl").args(args).env_remove("FAST_REGISTRY"))).json();
        let registry = listing["registry"].as_str().unwrap();
        assert!(registry.starts_with("dir:///tmp/libfast-"), "{registry}");
        assert!(listing["services"].is_array());
    }
}

#[test]
fn a_service_that_nobody_provides_is_an_empty_table() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir://{}/nobody", folder.path().display());
    assert_eq!(ls(&[&target]).data(), "ADDRESS  WEIGHT  ZONE  NAME  PID  STATE  AGE\n");
    assert_eq!(ls(&[&target, "-o", "json"]).json()["providers"], json!([]));
}

#[test]
fn what_is_no_service_and_no_registry_is_2_and_what_cannot_be_asked_3() {
    for (target, status, why) in [
        ("127.0.0.1:1", 2, "is an address"),
        ("a b", 2, "service name"),
        ("dir:relative", 2, "dir:///folder"),
        ("zk://127.0.0.1:1", 3, "127.0.0.1:1: Connection refused"),
        ("zk://127.0.0.1:1/fast/echo", 3, "127.0.0.1:1: Connection refused"),
    ] {
        let ended = ls(&[target]);
        assert_eq!((ended.code(), ended.stdout.as_str()), (status, ""), "{target}");
        assert!(ended.stderr.contains(why) && ended.stderr.contains("\n  help: "), "{ended:?}");
    }
    assert_eq!(ls(&["-o", "xml"]).code(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_of_itself_is_listed_and_known_to_clients() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir://{}/echo", folder.path().display());
    let mut options = libfast::ServerOptions::default();
    options.announce = target.clone();
    options.metadata = "version=1.2,shard=a=b".into();
    let server = libfast::Server::new(options.clone()).unwrap();
    server.start().await.unwrap();
    let metadata = json!({"version": "1.2", "shard": "a=b"});
    let listing = ls(&[&target, "-o", "json"]).json();
    assert_eq!(listing["providers"][0]["metadata"], metadata, "{listing}");

    let client = client(&target);
    client.ready(LIMIT).await.unwrap();
    let stats: serde_json::Value = serde_json::from_str(&client.stats()).unwrap();
    assert_eq!(stats["endpoints"][0]["metadata"], metadata, "{stats}");

    options.metadata = "version".into();
    let error = libfast::Server::new(options).err().expect("it is malformed");
    assert!(error.message().contains("metadata") && error.message().contains("name=value"), "{error}");
}
