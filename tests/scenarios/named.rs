//! Servers that say who they are.

use libfast::{Address, Endpoint, Request, Server, ServerOptions};
use libfast_balance::EndpointSet;
use tokio::runtime::Runtime;

/// They stop with this.
pub struct Named {
    _runtime: Runtime,
    _servers: Vec<Server>,
    addresses: Vec<String>,
    set: EndpointSet<()>,
}

impl Named {
    /// Servers whose method `name` answers with their address.
    pub fn start(count: usize) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let servers: Vec<_> = (0..count).map(|_| runtime.block_on(serve())).collect();
        let address = |server: &Server| server.address().expect("it listens");
        let endpoints: Vec<Endpoint> = servers.iter().map(address).map(Endpoint::new).collect();
        let addresses = servers.iter().map(|server| address(server).to_string()).collect();
        let set = EndpointSet::default()
            .updated(endpoints.into_iter().map(|e| (e.address.to_string(), e)), |_, _| ());
        Self { _runtime: runtime, _servers: servers, addresses, set }
    }

    /// All of them, as a target.
    pub fn target(&self) -> String {
        self.addresses.join(",")
    }

    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The address of the server that owns a key, by the rules alone.
    pub fn owner(&self, key: &str) -> String {
        let owner = self.set.owner(libfast_balance::hash(key.as_bytes())).expect("there are servers");
        owner.endpoint.address.to_string()
    }
}

async fn serve() -> Server {
    let mut options = ServerOptions::default();
    options.listen = "127.0.0.1:0".into();
    let server = Server::new(options).expect("a server");
    let named = server.clone();
    let name = move |_: Request| {
        let address = named.address().map(|address: Address| address.to_string());
        async move { Ok(address) }
    };
    server.method("name", name).expect("a new method");
    server.start().await.expect("it listens");
    server
}
