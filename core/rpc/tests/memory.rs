//! What values cost that are kept. Alone in its process, whose memory is measured.

use libfast_rpc::{Client, Server};
use serde_json::json;

/// Values are slices of what was read, which must not be much larger than they are.
#[tokio::test]
async fn a_small_value_keeps_no_large_buffer() {
    let mut options = libfast_model::ServerOptions::default();
    options.listen = "127.0.0.1:0".into();
    let server = Server::new(options).unwrap();
    server.method("one", |_| async { Ok(json!(1)) }).unwrap();
    let client = Client::new(&server.start().await.unwrap().to_string()).unwrap();
    client.call("one", [0; 0]).await.unwrap();
    let before = data_pages();
    let mut kept = Vec::new();
    for _ in 0..10_000 {
        kept.extend(client.call("one", [0; 0]).await.unwrap());
    }
    let grown = (data_pages() - before) * 4096;
    assert!(grown < 100 << 20, "{} values keep {grown} bytes", kept.len());
}

/// Pages of data of this process.
fn data_pages() -> usize {
    std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').nth(5).unwrap().parse().unwrap()
}
