//! The server that the examples of all languages share: `calc_server TARGET [NAME]`. See `examples/README.md`.

use libfast::{Error, RemoteError, Request, Result, Server, ServerOptions};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mut options = ServerOptions::default();
    options.announce = args.next().ok_or("usage: calc_server TARGET [NAME]")?;
    let name = args.next().unwrap_or("rust".into());
    let mut terminated = signal(SignalKind::terminate())?;
    let server = Server::new(options)?;
    server.method("add", move |request| add(request, name.clone()))?;
    server.method("echo", echo)?;
    server.method("range", range)?;
    server.method("slow", slow)?;
    server.method("fail", |_| async { Err::<(), _>(asked_to_fail()) })?;
    let address = server.start().await?;
    writeln!(std::io::stdout(), "listening {address}")?;
    let input_ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    tokio::select! {
        _ = input_ended => {}
        _ = terminated.recv() => {}
    }
    server.stop(Duration::from_secs(5)).await;
    // After SIGTERM the thread that reads the input may wait for ever.
    std::process::exit(0);
}

async fn add(request: Request, name: String) -> Result<Value> {
    let (a, b): (serde_json::Number, serde_json::Number) = request.args()?;
    let sum = match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.checked_add(b).map(Value::from),
        _ => None,
    };
    let sum = sum.unwrap_or_else(|| json!(a.as_f64().unwrap_or(f64::NAN) + b.as_f64().unwrap_or(f64::NAN)));
    Ok(json!({"sum": sum, "server": name}))
}

async fn echo(request: Request) -> Result<()> {
    for argument in request.args::<Vec<Value>>()? {
        request.send(&json!({"value": argument})).await?;
    }
    Ok(())
}

async fn range(request: Request) -> Result<()> {
    let (n,): (u64,) = request.args()?;
    for i in 0..n {
        request.send(&json!({"value": i})).await?;
    }
    Ok(())
}

async fn slow(request: Request) -> Result<Value> {
    let (ms,): (u64,) = request.args()?;
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(ms)) => {}
        () = request.cancelled() => {}
    }
    Ok(json!({"slept": ms}))
}

fn asked_to_fail() -> Error {
    Error::from_remote(RemoteError::new("CalcError", "asked to fail").with_info(r#"{"code":42}"#))
}
