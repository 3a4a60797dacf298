//! What a server does with what a client sends.

use super::pair::*;
use bytes::BytesMut;
use libfast_model::{ErrorKind, RemoteError};
use libfast_protocol::{
    ClientWire, Decoder, Limits, Reason, ServerEvent, ServerWire, Status, Version, encode,
};
use std::time::Duration;

/// The id is free before the client can read END; a client that uses it again at once is right.
#[test]
fn id_may_be_used_again_right_after_its_end() {
    let mut server = Server::new(ServerWire::default());
    let mut input = BytesMut::new();
    for _ in 0..3 {
        request(&mut input, Version::V2, 0, "a");
        assert_eq!(server_events(&mut server, &mut input), ["request 0 a []"]);
        server.end(UTS, 0, None).unwrap();
    }
}

/// How long the caller waits, in every spelling, and what says nothing about it.
#[test]
fn the_time_that_is_left_is_found_however_it_is_spelt() {
    let told = |meta: &str| {
        let (mut server, mut input) = (Server::new(ServerWire::default()), BytesMut::new());
        let payload = format!(r#"{{"m":{meta},"d":[]}}"#);
        encode(&mut input, Version::V2, Status::Data, 1, payload.as_bytes());
        match server.next_event(&mut input) {
            Some(ServerEvent::Request { deadline_ms, .. }) => deadline_ms,
            other => panic!("{meta}: {other:?}"),
        }
    };
    assert_eq!(told(r#"{"uts":1,"name":"a","x":{"dl":4999}}"#), Some(4999));
    for (x, ms) in [
        ("{\"dl\":0}", Some(0)),
        (" { \"dl\" : 7 } ", Some(7)),
        ("{\"tp\":\"00-1\",\"dl\":70}", Some(70)),
        ("{\"d\\u006c\":8}", Some(8)),
        ("{\"dl\":1,\"dl\":2}", Some(2)),
        ("{\"dl\":-5}", Some(0)),
        ("{\"dl\":1.5e3}", Some(1500)),
        ("{\"dl\":1e999}", Some(u64::MAX)),
        ("{\"dl\":123456789012345678901}", Some(u64::MAX)),
        ("{\"dl\":\"5\"}", None),
        ("{\"dl\":null}", None),
        ("{\"dl\":[1]}", None),
        ("{}", None),
        ("5", None),
        ("[{\"dl\":5}]", None),
    ] {
        assert_eq!(told(&format!(r#"{{"uts":1,"name":"a","x":{x}}}"#)), ms, "{x}");
        assert_eq!(told(&format!(r#"{{"x":{x},"name":"a"}}"#)), ms, "{x}");
    }
    assert_eq!(told(r#"{"uts":1,"name":"a"}"#), None);
}

#[test]
fn a_client_tells_the_time_that_is_left_if_it_is_to() {
    let sent = |send_deadline, remaining| {
        let mut client = Client::new(ClientWire { send_deadline, ..ClientWire::default() });
        client.start_call_within(7, "a", b"[1]", remaining, "call").unwrap();
        let frame = Decoder::new(Limits::default()).decode(client.transmit()).unwrap().unwrap();
        (String::from_utf8(frame.payload.to_vec()).unwrap(), frame.deadline_ms())
    };
    let plain = r#"{"m":{"uts":7,"name":"a"},"d":[1]}"#;
    let time = Some(Duration::from_micros(4_998_001));
    assert_eq!(
        sent(true, time),
        (r#"{"m":{"uts":7,"name":"a","x":{"dl":4999}},"d":[1]}"#.into(), Some(4999))
    );
    assert_eq!(sent(true, Some(Duration::ZERO)).1, Some(0));
    assert_eq!(sent(true, Some(Duration::MAX)).1, Some((1 << 53) - 1));
    assert_eq!((sent(true, None).0.as_str(), sent(false, time).0.as_str()), (plain, plain));
}

#[test]
fn duplicate_id_ends_the_connection_and_what_follows_is_not_run() {
    let mut server = Server::new(ServerWire::default());
    let mut input = BytesMut::new();
    for id in [4, 3, 4, 5] {
        request(&mut input, Version::V2, id, "a");
    }
    let fatal = r#"fatal duplicate_msgid {"fastReason":"duplicate_msgid","rpcMsgid":4}"#;
    assert_eq!(server_events(&mut server, &mut input), ["request 4 a []", "request 3 a []", fatal]);
    request(&mut input, Version::V2, 6, "a");
    assert_eq!(server_events(&mut server, &mut input), Vec::<String>::new());
    assert!(input.is_empty());
    assert_eq!(server.send(UTS, 4, b"1").unwrap_err().kind(), ErrorKind::ConnectionLost);
    assert!(server.transmit().is_empty());
    assert_eq!(server.drain_requests(), [(3, "request"), (4, "request")]);
    assert_eq!(server.in_flight(), 0);
}

#[test]
fn end_from_a_client_ends_the_connection_and_what_follows_is_not_run() {
    let mut server = Server::new(ServerWire::default());
    let mut input = BytesMut::new();
    request(&mut input, Version::V2, 1, "a");
    encode(&mut input, Version::V2, Status::End, 1, br#"{"d":[]}"#);
    request(&mut input, Version::V2, 2, "a");
    let fatal = r#"fatal unexpected_status {"fastReason":"unexpected_status"}"#;
    assert_eq!(server_events(&mut server, &mut input), ["request 1 a []", fatal]);
}

#[test]
fn error_from_a_client_changes_nothing() {
    let mut pair = Pair::new();
    let id = pair.call("a", "[]");
    for msgid in [id, 77] {
        encode(
            &mut pair.to_server,
            Version::V1,
            Status::Error,
            msgid,
            br#"{"d":{"name":"E","message":"stop"}}"#,
        );
    }
    assert_eq!(pair.server_events(), Vec::<String>::new());
    assert_eq!((pair.server.ignored(), pair.server.in_flight()), (2, 1));
    pair.server.end(UTS, id, None).unwrap();
    assert_eq!(pair.client_events(), ["ended 1 call"]);
}

#[test]
fn request_without_method_is_answered_and_the_connection_goes_on() {
    let mut server = Server::new(ServerWire::default()).with_connection_id(9);
    server.set_time(5);
    let mut input = BytesMut::new();
    for (id, payload) in
        [r#"{"d":[]}"#, r#"{"m":null,"d":[1]}"#, r#"{"m":{"name":""},"d":[]}"#, r#"{"m":{"name":7},"d":[]}"#]
            .iter()
            .enumerate()
    {
        encode(&mut input, Version::V1, Status::Data, id as u32, payload.as_bytes());
    }
    request(&mut input, Version::V2, 2, "a");
    assert_eq!(server_events(&mut server, &mut input), ["request 2 a []"]);
    assert_eq!((server.malformed(), server.in_flight()), (4, 1));
    let frames = decoded(server.transmit());
    assert_eq!(frames.len(), 4);
    assert!(frames.iter().all(|frame| (frame.version, frame.status) == (Version::V1, Status::Error)));
    assert_eq!(
        frames[1].payload,
        concat!(
            r#"{"m":{"uts":5,"name":null},"d":{"name":"FastError","message":"RPC request is not well-formed","context":{},"#,
            r#""info":{"fastReason":"bad_data","rpcMsgid":1,"rpcMessage":{"status":1,"msgid":1,"#,
            r#""data":{"m":null,"d":[1]},"version":1,"connId":9}}}}"#
        )
    );
}

/// A quoted request nests deeper than the request did; the answer must not end the client's connection.
#[test]
fn answer_to_a_deep_request_without_method_stays_within_the_depth_of_the_client() {
    for (max_depth, depths) in [(10_000, 9_990..=10_000), (4, 0..=4), (1, 0..=1)] {
        let limits = Limits { max_depth, ..Limits::default() };
        for depth in depths {
            let server = ServerWire { limits, ..ServerWire::default() };
            let mut pair = Pair::with(ClientWire { limits, ..ClientWire::default() }, server);
            let args = format!("[{}1{}]", "[".repeat(depth), "]".repeat(depth));
            pair.client.start_call(UTS, "", args.as_bytes(), "call").unwrap();
            assert_eq!(pair.server_events(), Vec::<String>::new());
            let events = pair.client_events();
            assert!(
                events[0].starts_with("failed 1 FastError: RPC request is not well-formed"),
                "{events:?}"
            );
            assert_eq!(
                events[0].contains("rpcMessage"),
                depth + 4 <= max_depth,
                "depth {depth} of {max_depth}"
            );
        }
    }
}

#[test]
fn unknown_method_is_named_in_the_answer() {
    let mut pair = Pair::new();
    let id = pair.client.start_call(UTS, "__proto__\"", b"[]", "call").unwrap();
    pair.server_events();
    assert_eq!(pair.server.fail_unknown_method(UTS, id).unwrap(), Some("request"));
    assert_eq!(
        pair.client_events(),
        [concat!(
            r#"failed 1 FastError: unsupported RPC method: "__proto__"" "#,
            r#"{"fastReason":"bad_method","rpcMethod":"__proto__\"","rpcMsgid":1}"#
        )]
    );
}

#[test]
fn half_close_answers_everything_received_before() {
    let mut pair = Pair::new();
    for _ in 0..100 {
        pair.client.start_call(UTS, "echo", b"[1]", "call").unwrap();
    }
    assert_eq!(pair.server_events().len(), 100);
    assert_eq!(pair.server.handle_end_of_stream(&pair.to_server), Ok(()));
    assert!(pair.server.is_draining());
    for id in 1..=100 {
        pair.server.end(UTS, id, Some(b"1")).unwrap();
    }
    assert_eq!(pair.client_events().len(), 200);
    assert_eq!((pair.client.pending(), pair.server.in_flight()), (0, 0));
    assert_eq!(pair.client.handle_end_of_stream(&pair.to_client), Ok(()));
}

#[test]
fn client_that_ends_inside_a_frame_broke_the_protocol() {
    let mut server = Server::new(ServerWire::default());
    let mut input = BytesMut::new();
    request(&mut input, Version::V2, 1, "a");
    input.truncate(input.len() - 1);
    assert_eq!(server_events(&mut server, &mut input), Vec::<String>::new());
    let error = server.handle_end_of_stream(&input).unwrap_err();
    assert_eq!(error.reason(), Reason::IncompleteMessage);
    assert!(!server.is_draining());
}

#[test]
fn second_end_is_an_error_of_the_handler() {
    let mut pair = Pair::new();
    let id = pair.call("a", "[]");
    pair.server.end(UTS, id, None).unwrap();
    let sent = pair.server.transmit().len();
    assert_eq!(pair.server.end(UTS, id, Some(b"1")).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(pair.server.send(UTS, id, b"1").unwrap_err().kind(), ErrorKind::State);
    assert_eq!(pair.server.fail(UTS, id, &boom()).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(pair.server.fail_unknown_method(UTS, id).unwrap_err().kind(), ErrorKind::State);
    pair.server.attach(id, "late");
    assert_eq!(pair.server.request_mut(id), None);
    assert_eq!(pair.server.forget(id), None);
    assert_eq!(pair.server.transmit().len(), sent);
}

#[test]
fn info_that_is_no_object_is_refused_before_it_breaks_a_frame() {
    let mut pair = Pair::new();
    let id = pair.call("a", "[]");
    for info in ["{", "[]", "{}}", "null"] {
        let error = RemoteError { info: info.into(), ..boom() };
        assert_eq!(pair.server.fail(UTS, id, &error).unwrap_err().kind(), ErrorKind::Invalid, "{info}");
    }
    assert_eq!((pair.server.transmit().len(), pair.server.in_flight()), (0, 1));
}

/// A name that leaves no room for an answer is left out of it; the request can be ended in any case.
#[test]
fn request_with_a_name_as_long_as_a_frame_can_be_answered() {
    let limits = Limits { max_frame_bytes: 1000, ..Limits::default() };
    let mut pair = Pair::with(
        ClientWire { limits, ..ClientWire::default() },
        ServerWire { limits, ..ServerWire::default() },
    );
    let mut input = BytesMut::new();
    for id in [1, 2] {
        let payload = format!(r#"{{"m":{{"name":"{}"}},"d":[]}}"#, "n".repeat(970));
        encode(&mut input, Version::V2, Status::Data, id, payload.as_bytes());
    }
    assert_eq!(server_events(&mut pair.server, &mut input).len(), 2);
    pair.server.end(UTS, 1, None).unwrap();
    pair.server.fail_unknown_method(UTS, 2).unwrap();
    let frames = decoded(pair.server.transmit());
    assert!(frames.iter().all(|frame| frame.payload.len() <= 1000 && frame.method().is_none()));
    assert_eq!(frames.iter().map(|frame| frame.status).collect::<Vec<_>>(), [Status::End, Status::Error]);
}
