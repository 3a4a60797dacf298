//! Calls `greet` on whoever serves `hello`.

use libfast::Client;

#[tokio::main]
async fn main() -> libfast::Result<()> {
    let client = Client::new("hello")?;
    for greeting in client.call("greet", ("world",)).await? {
        println!("{}", greeting.parse::<String>()?);
    }
    Ok(())
}
