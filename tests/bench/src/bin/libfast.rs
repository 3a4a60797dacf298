//! libfast in Rust, as its users write it.

#![forbid(unsafe_code)]

use bytes::{BufMut, Bytes, BytesMut};
use libfast::{Client, ClientOptions, Request, Result, Server, ServerOptions};
use libfast_bench::{Kind, Meter, Order, Tally, Workload, payload};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match Order::read()? {
        Order::Server => runtime.block_on(serve())?,
        Order::Client { port, workload, duration } => {
            println!("{}", runtime.block_on(run(port, workload, duration))?);
        }
    }
    Ok(())
}

async fn serve() -> Result<()> {
    let mut options = ServerOptions::default();
    options.listen = "127.0.0.1:0".into();
    let server = Server::new(options)?;
    server.handle("echo", Arc::new(echo))?;
    server.method("stream", stream)?;
    let address = server.start().await?;
    let port = address.to_string().rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
    let _ = tokio::task::spawn_blocking(move || libfast_bench::serve_until_input_ends(port)).await;
    Ok(())
}

fn echo(request: Request) {
    let args = request.args_text();
    let mut value = BytesMut::with_capacity(args.len() + 16);
    value.put_slice(b"{\"value\":");
    value.put_slice(&args[1..args.len() - 1]);
    value.put_u8(b'}');
    // The client may be gone.
    let _ = request.end_text(&value);
}

async fn stream(request: Request) -> Result<()> {
    let (objects,) = request.args::<(usize,)>()?;
    for i in 0..objects {
        request.send_text(format!("{{\"i\":{i},\"on\":true}}").as_bytes()).await?;
    }
    Ok(())
}

async fn run(port: u16, workload: &'static Workload, duration: Duration) -> Result<String> {
    let (meter, tally) = (Meter::start(duration), Rc::new(RefCell::new(Tally::default())));
    let local = tokio::task::LocalSet::new();
    for _ in 0..workload.connections {
        let client = Client::with_options(&format!("127.0.0.1:{port}"), ClientOptions::default())?;
        client.ready(Duration::from_secs(5)).await?;
        for _ in 0..workload.in_flight {
            let (client, tally) = (client.clone(), tally.clone());
            local.spawn_local(async move {
                if let Err(error) = call_on(&client, workload, meter, &tally).await {
                    eprintln!("libfast: {error}");
                }
            });
        }
    }
    local.await;
    let report = meter.report(&tally.borrow(), workload);
    Ok(report)
}

async fn call_on(client: &Client, workload: &Workload, meter: Meter, tally: &RefCell<Tally>) -> Result<()> {
    let (method, args, values) = match workload.kind {
        Kind::Echo(bytes) => ("echo", format!("[{}]", payload(bytes)), 1),
        Kind::Stream(objects) => ("stream", format!("[{objects}]"), objects),
    };
    let args = Bytes::from(args);
    loop {
        let began = Instant::now();
        let mut call = client.start(method, args.clone(), client.call_options());
        let mut came = 0;
        while let Some(value) = call.next().await {
            value?;
            came += 1;
        }
        assert_eq!(came, values);
        if !meter.count(&mut tally.borrow_mut(), began, Instant::now()) {
            return Ok(());
        }
    }
}
