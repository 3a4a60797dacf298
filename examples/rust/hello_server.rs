//! Serves the method `greet` under the name `hello`.

use libfast::{Request, Server, ServerOptions};

#[tokio::main]
async fn main() -> libfast::Result<()> {
    let mut options = ServerOptions::default();
    options.announce = "hello".into();
    let server = Server::new(options)?;
    server.method("greet", |request: Request| async move {
        let (name,): (String,) = request.args()?;
        Ok(format!("Hello, {name}!"))
    })?;
    println!("listening {}", server.start().await?);
    std::future::pending().await
}
