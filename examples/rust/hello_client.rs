//! A client in a few lines: `cargo run --example hello_client`.

use libfast::Client;

#[tokio::main]
async fn main() -> libfast::Result<()> {
    let client = Client::new("hello")?;
    for value in client.call("greet", ("world",)).await? {
        println!("{}", value.parse::<String>()?);
    }
    Ok(())
}
