//! A server that refuses what it does not like, and a client that writes down how each call ended.

use libfast::{Client, RemoteError, Request, Server, ServerOptions};

#[tokio::main]
async fn main() -> libfast::Result<()> {
    let server = Server::new(ServerOptions::default())?;
    server.method("greet", |request: Request| async move {
        let (name,): (String,) = request.args()?;
        Ok(format!("Hello, {name}!"))
    })?;
    server.intercept(|call| match call.request().args::<(String,)>()?.0.as_str() {
        "Mallory" => Err(RemoteError::new("Denied", "not you").into()),
        _ => Ok(()),
    });
    let client = Client::new(&server.start().await?.to_string())?;
    client.intercept(|call| {
        let method = call.method().to_owned();
        call.on_end(move |end| {
            let how = end.error.and_then(|error| error.remote()).map_or("ok", |remote| &remote.name);
            println!("{method}: {} values, {how}, {} attempts", end.values, end.attempts);
        });
        Ok(())
    });
    client.call("greet", ("world",)).await?;
    let refused = client.call("greet", ("Mallory",)).await;
    assert!(refused.is_err());
    Ok(())
}
