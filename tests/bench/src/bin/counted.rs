//! A client and a server in one process, on one thread, which make so many calls and end: for counting instructions.

#![forbid(unsafe_code)]

use bytes::Bytes;
use libfast::{Client, ClientOptions, Error, Request, Result, Server, ServerOptions};
use libfast_bench::{Counted, payload};
use std::sync::Arc;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [workload, calls] = arguments.as_slice() else { return Err("write WORKLOAD CALLS".into()) };
    let (workload, calls) = (Counted::find(workload)?, calls.parse()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(workload, calls))?;
    Ok(())
}

async fn run(workload: &Counted, calls: usize) -> Result<()> {
    let mut options = ServerOptions::default();
    options.listen = "127.0.0.1:0".into();
    let server = Server::new(options)?;
    server.handle("echo", Arc::new(|request: Request| drop(request.end_text(one(request.args_text())))))?;
    server.method("stream", |request: Request| async move {
        for _ in 0..request.args::<(usize,)>()?.0 {
            request.send_text(br#"{"on":true}"#).await?;
        }
        Ok(())
    })?;
    server.method("fail", |_| std::future::ready(Err::<(), _>(Error::from_remote(Default::default()))))?;
    let address = server.start().await?.to_string();
    let client = Client::with_options(&address, ClientOptions::default())?;
    client.ready(std::time::Duration::from_secs(60)).await?;
    let args = Bytes::from(match workload.stream {
        0 => format!("[{}]", payload(workload.bytes)),
        objects => format!("[{objects}]"),
    });
    for _ in 0..calls / workload.in_flight {
        let start = |_| client.start(workload.method, args.clone(), client.call_options());
        let burst: Vec<_> = (0..workload.in_flight).map(start).collect();
        for mut call in burst {
            while let Some(value) = call.next().await {
                assert_eq!(value.is_err(), workload.method == "fail");
            }
        }
    }
    Ok(())
}

/// The one argument.
fn one(args: &[u8]) -> &[u8] {
    &args[1..args.len() - 1]
}
