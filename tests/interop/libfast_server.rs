//! libfast's own server with the methods that `fastserve` does not have: those of `node-fast/server.js`.

use libfast::{Request, Server, ServerOptions};
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::{Arc, Mutex};

pub struct LibfastServer {
    server: Server,
    _runtime: tokio::runtime::Runtime,
}

impl LibfastServer {
    pub fn start() -> Self {
        Self::with(ServerOptions::default())
    }

    pub fn with(options: ServerOptions) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let server = runtime.block_on(async {
            let server = Server::new(options).expect("they are valid");
            add_all(&server).expect("names are unique");
            server.start().await.expect("a free port");
            server
        });
        Self { server, _runtime: runtime }
    }

    pub fn address(&self) -> String {
        self.server.address().expect("it was started").to_string()
    }
}

fn add_all(server: &Server) -> libfast::Result<()> {
    server.method("bare", |request: Request| async move {
        for value in request.args::<Vec<Box<RawValue>>>()? {
            request.send_text(value.get().as_bytes()).await?;
        }
        Ok(())
    })?;
    server.method("echo", |request: Request| async move { send_all(&request).await })?;
    let held = Arc::<Mutex<Vec<Request>>>::default();
    let keep = held.clone();
    server.handle("hold", Arc::new(move |request| keep.lock().expect("no panic").push(request)))?;
    server.method("release", move |_| {
        let all = std::mem::take(&mut *held.lock().expect("no panic"));
        async move {
            for request in all.iter().rev() {
                send_all(request).await?;
                request.end()?;
            }
            Ok(())
        }
    })
}

async fn send_all(request: &Request) -> libfast::Result<()> {
    for value in request.args::<Vec<Box<RawValue>>>()? {
        request.send(&json!({ "value": value })).await?;
    }
    Ok(())
}
