//! A server that speaks as old ones do: values in END and several in a frame, null among them, errors with a stack and
//! without the rest, payloads without `m`, and text spelt in other ways.

use super::frames::Frames;
use libfast_protocol::Status;
use std::net::TcpListener;

pub struct OldServer(String);

impl OldServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let frames = Frames::over(stream.expect("a client"));
                std::thread::spawn(move || serve(frames));
            }
        });
        Self(address)
    }

    pub fn address(&self) -> String {
        self.0.clone()
    }
}

fn serve(mut frames: Frames) {
    while let Some(request) = frames.next() {
        let method = request.method().expect("a request has a method");
        for (status, payload) in answer(&method) {
            frames.send(request.version, *status, request.msgid, payload);
        }
    }
}

fn answer(method: &str) -> &'static [(Status, &'static str)] {
    match method {
        "batched" => &[
            (Status::Data, r#"{"m":{"uts":1,"name":"batched"},"d":[1,[2]]}"#),
            (Status::Data, r#"{"m":{"uts":1,"name":"batched"},"d":[]}"#),
            (Status::End, r#"{"m":{"uts":1,"name":"batched"},"d":["drei",{"a":1}]}"#),
        ],
        "null" => &[(Status::End, r#"{"m":{"uts":1,"name":"null"},"d":[[1],null,[2]]}"#)],
        "stack" => &[(
            Status::Error,
            r#"{"m":{"uts":1,"name":"stack"},"d":{"name":"Old","message":"grown","stack":"at x","more":1}}"#,
        )],
        "nameless" => &[(
            Status::Error,
            r#"{"m":{"uts":1,"name":"x"},"d":{"name":"","message":"100% %s","info":["a",{"b":null}],"context":[1]}}"#,
        )],
        "texts" => &[(
            Status::Error,
            r#"{"m":{"uts":1,"name":"x"},"d":{"name":"N","message":"","info":"hé","context":"c"}}"#,
        )],
        "nulls" => &[(
            Status::Error,
            r#"{"m":{"uts":1,"name":"x"},"d":{"name":"N","message":"m","info":null,"context":null,"stack":""}}"#,
        )],
        "spelt" => &[
            (Status::Data, " {\"d\" : [ \"\\u0041\\/\" ] }\n"),
            (Status::Data, r#"{"m":null,"x":{"d":5},"d":[1]}"#),
            (Status::End, r#"{"d":5,"d":[]}"#),
        ],
        _ => &[(Status::End, r#"{"m":{"uts":1,"name":"plain"},"d":[]}"#)],
    }
}
