//! The services. That of gRPC is declared here rather than in a .proto file; that of Cap'n Proto needs its compiler.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    capnpc::CompilerCommand::new().src_prefix("..").file("../bench.capnp").run().expect("capnp is installed");
    grpc();
}

fn grpc() {
    let method = |name: &str, route: &str| {
        Method::builder().name(name).route_name(route).codec_path("tonic_prost::ProstCodec")
    };
    let echo = method("echo", "Echo").input_type("crate::Text").output_type("crate::Text").build();
    let stream = method("stream", "Stream").input_type("crate::Count").output_type("crate::Object");
    let service = Service::builder().name("Bench").package("bench").method(echo);
    Builder::new().compile(&[service.method(stream.server_streaming().build()).build()]);
}
