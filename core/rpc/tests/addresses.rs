//! How a handler sees who calls it.

use libfast_model::ServerOptions;
use libfast_rpc::{Client, Request, Server};

/// What `listen` on this address tells a handler about its caller; `None` if the machine has no such addresses.
async fn caller(listen: &str) -> Option<String> {
    let mut options = ServerOptions::default();
    options.listen = listen.into();
    let server = Server::new(options).unwrap();
    server.method("who", |request: Request| async move { Ok(request.peer().to_owned()) }).unwrap();
    let address = server.start().await.ok()?.to_string();
    let values = Client::new(&address).unwrap().call("who", [0; 0]).await.unwrap();
    Some(values[0].parse().unwrap())
}

#[tokio::test]
async fn a_handler_sees_the_address_of_its_caller() {
    let found = caller("127.0.0.1:0").await.unwrap();
    let (host, port) = found.rsplit_once(':').unwrap();
    assert!(host == "127.0.0.1" && port.parse::<u16>().unwrap() > 0, "{found}");
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(caller(&format!("unix:{}/s", folder.path().display())).await.unwrap(), "unix");
    match caller("[::1]:0").await {
        Some(found) => assert!(found.starts_with("[::1]:"), "{found}"),
        None => println!("skipped: this machine has no IPv6"),
    }
}
