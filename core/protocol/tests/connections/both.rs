//! What holds for the two ends together.

use super::pair::*;
use bytes::BytesMut;
use libfast_model::{ChecksumV1, ErrorKind, Progress, RemoteError};
use libfast_protocol::{ClientEvent, ClientWire, Limits, ServerWire, Status, Version, encode};

#[test]
fn values_stream_and_calls_interleave() {
    let mut pair = Pair::new();
    let (first, second) = (pair.call("echo", r#"[1,"two",null]"#), pair.call("yes", "[]"));
    assert_eq!((first, second, pair.client.pending(), pair.server.in_flight()), (1, 2, 2, 2));
    assert_eq!(pair.server.request_mut(first), Some(&mut "request"));
    assert_eq!(pair.client.call_mut(second), Some(&mut "call"));

    pair.server.send(UTS, first, b"1").unwrap();
    pair.server.send(UTS, second, br#"{"a":"b"}"#).unwrap();
    assert_eq!(pair.server.end(UTS, second, Some(b"[2]")).unwrap(), Some("request"));
    assert_eq!(pair.server.end(UTS, first, None).unwrap(), Some("request"));
    assert_eq!(
        pair.client_events(),
        ["values 1 [1]", r#"values 2 [{"a":"b"}]"#, "values 2 [[2]]", "ended 2 call", "ended 1 call"]
    );
    assert_eq!((pair.client.pending(), pair.client.abandoned(), pair.server.in_flight()), (0, 0, 0));
}

#[test]
fn frames_are_worded_as_other_implementations_word_them() {
    let mut pair = Pair::new();
    pair.client.start_call(UTS, "da\"te", b"[]", "call").unwrap();
    assert_eq!(
        decoded(pair.client.transmit())[0].payload,
        r#"{"m":{"uts":1457475515355123,"name":"da\"te"},"d":[]}"#
    );
    pair.server_events();
    pair.server.send(1, 1, b"{}").unwrap();
    pair.server.fail(2, 1, &boom()).unwrap();
    let frames = decoded(pair.server.transmit());
    assert_eq!(frames[0].payload, r#"{"m":{"uts":1,"name":"da\"te"},"d":[{}]}"#);
    assert_eq!(
        frames[1].payload,
        r#"{"m":{"uts":2,"name":"da\"te"},"d":{"name":"Boom","message":"it \"broke\"","context":{},"info":{"a":1}}}"#
    );
    pair.call("end", "[]");
    pair.server.transmit().clear();
    pair.server.end(3, 2, Some(b"7")).unwrap();
    let frames = decoded(pair.server.transmit());
    assert_eq!(
        (frames[0].status, frames[0].payload.as_ref()),
        (Status::Data, &br#"{"m":{"uts":3,"name":"end"},"d":[7]}"#[..])
    );
    assert_eq!(
        (frames[1].status, frames[1].payload.as_ref()),
        (Status::End, &br#"{"m":{"uts":3,"name":"end"},"d":[]}"#[..])
    );
}

/// Operators see these as metrics; each byte of each whole message counts once.
#[test]
fn both_ends_count_the_same_traffic() {
    let mut pair = Pair::new();
    let ids = [pair.call("echo", "[]"), pair.call("echo", "[1]"), pair.call("echo", "[2]")];
    pair.server.send(UTS, ids[0], b"1").unwrap();
    pair.server.end(UTS, ids[0], Some(b"2")).unwrap();
    pair.server.fail(UTS, ids[1], &boom()).unwrap();
    pair.server.fail_unknown_method(UTS, ids[2]).unwrap();
    pair.to_server.extend_from_slice(&malformed());
    pair.server_events();
    let answered = pair.server.transmit().len() as u64;
    // The answer to the malformed request is to a call that this client has not made.
    pair.client_events();
    let (client, server) = (*pair.client.traffic(), *pair.server.traffic());
    assert_eq!(client.received(Status::Data), server.sent(Status::Data));
    assert_eq!(client.received(Status::End), server.sent(Status::End));
    let messages = |status| (server.sent(status).messages, server.received(status).messages);
    assert_eq!([Status::Data, Status::End, Status::Error].map(messages), [(2, 4), (1, 0), (3, 0)]);
    let sent = [Status::Data, Status::End, Status::Error].map(|status| server.sent(status).bytes);
    assert_eq!(sent.iter().sum::<u64>(), answered);
    let received = client.sent(Status::Data).bytes + malformed().len() as u64;
    assert_eq!(server.received(Status::Data).bytes, received);
}

/// A request that names no method.
fn malformed() -> BytesMut {
    let mut input = BytesMut::new();
    encode(&mut input, Version::V2, Status::Data, 77, br#"{"m":{},"d":[]}"#);
    input
}

#[test]
fn decoder_errors_are_fatal_to_either_side() {
    let garbage = || BytesMut::from(&b"GET / HTTP/1.1\r\n\r\n"[..]);
    let expected = r#"fatal unsupported_version {"fastReason":"unsupported_version","foundVersion":71}"#;
    assert_eq!(client_events(&mut Client::new(ClientWire::default()), &mut garbage()), [expected]);
    let mut server = Server::new(ServerWire::default());
    assert_eq!(server_events(&mut server, &mut garbage()), [expected]);
    assert!(server.transmit().is_empty(), "a violation is not answered");
}

#[test]
fn answers_speak_the_version_of_their_request() {
    let wire = ClientWire { version: Version::V1, ..ClientWire::default() };
    let mut pair = Pair::with(wire, ServerWire::default());
    let id = pair.call("größe€😀", r#"["é€😀"]"#);
    request(&mut pair.to_server, Version::V2, 50, "other");
    assert_eq!(pair.server_events(), ["request 50 other []"]);
    pair.server.send(UTS, id, "\"é€😀\"".as_bytes()).unwrap();
    pair.server.end(UTS, 50, None).unwrap();
    pair.server.end(UTS, id, None).unwrap();
    let versions: Vec<_> = decoded(pair.server.transmit()).iter().map(|f| (f.msgid, f.version)).collect();
    assert_eq!(versions, [(id, Version::V1), (50, Version::V2), (id, Version::V1)]);
}

#[test]
fn old_client_is_served() {
    let wire = ClientWire { version: Version::V1, ..ClientWire::default() };
    let mut pair = Pair::with(wire, ServerWire::default());
    let id = pair.call("größe€😀", r#"["é€😀"]"#);
    pair.server.send(UTS, id, "\"é€😀\"".as_bytes()).unwrap();
    pair.server.end(UTS, id, None).unwrap();
    assert_eq!(pair.client_events(), [r#"values 1 ["é€😀"]"#, "ended 1 call"]);
}

#[test]
fn too_large_to_send_sends_nothing_and_changes_nothing() {
    let limits = Limits { max_frame_bytes: 100, ..Limits::default() };
    let mut pair = Pair::with(
        ClientWire { limits, ..ClientWire::default() },
        ServerWire { limits, ..ServerWire::default() },
    );
    let large = format!("[\"{}\"]", "x".repeat(70));
    for args in [large.clone(), format!("[\"{}\"]", "x".repeat(1000))] {
        let error = pair.client.start_call(UTS, "a", args.as_bytes(), "call").unwrap_err();
        assert_eq!((error.kind(), error.progress()), (ErrorKind::TooLarge, Progress::NotStarted));
    }
    assert_eq!((pair.client.pending(), pair.client.transmit().len()), (0, 0));

    let id = pair.call("a", "[]");
    assert_eq!(id, 1, "a call that was not sent takes no id");
    let error = RemoteError { message: "x".repeat(100), ..boom() };
    assert_eq!(pair.server.send(UTS, id, large.as_bytes()).unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(pair.server.end(UTS, id, Some(large.as_bytes())).unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(pair.server.fail(UTS, id, &error).unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!((pair.server.transmit().len(), pair.server.in_flight()), (0, 1));
    pair.server.end(UTS, id, None).unwrap();
    assert_eq!(pair.client_events(), ["ended 1 call"]);
}

/// The result does not depend on how the stream is cut into reads.
#[test]
fn bytes_may_come_one_by_one() {
    let mut pair = Pair::new();
    pair.client.start_call(UTS, "a", b"[1]", "call").unwrap();
    let sent = pair.client.transmit().split();
    let (mut input, mut events) = (BytesMut::new(), Vec::new());
    for byte in sent {
        input.extend_from_slice(&[byte]);
        events.extend(server_events(&mut pair.server, &mut input));
    }
    assert_eq!(events, ["request 1 a [1]"]);
    pair.server.end(UTS, 1, Some(b"2")).unwrap();
    events.clear();
    for byte in pair.server.transmit().split() {
        input.extend_from_slice(&[byte]);
        events.extend(client_events(&mut pair.client, &mut input));
    }
    assert_eq!(events, ["values 1 [2]", "ended 1 call"]);
}

/// Clients of three kinds on one connection to a server that understands either checksum in version 1.
#[test]
fn either_checksum_of_version_1_is_answered_with_its_own() {
    let mut server = Server::new(ServerWire { checksum_v1: ChecksumV1::Either, ..ServerWire::default() });
    let mut input = BytesMut::new();
    for (id, checksum_v1) in [(1, ChecksumV1::Xmodem), (2, ChecksumV1::Arc)] {
        let wire = ClientWire { version: Version::V1, checksum_v1, ..ClientWire::default() };
        let mut client = Client::new(wire);
        while client.start_call(UTS, "é", b"[]", "call").unwrap() < id {
            client.transmit().clear();
        }
        input.unsplit(client.transmit().split());
        assert_eq!(server_events(&mut server, &mut input), [format!("request {id} é []")]);
        server.end(UTS, id, Some("\"é\"".as_bytes())).unwrap();
        let events = client_events(&mut client, server.transmit());
        assert_eq!(events, [format!("values {id} [\"é\"]"), format!("ended {id} call")]);
    }
}

#[test]
fn checksum_of_the_other_kind_ends_the_connection() {
    let wire = ClientWire { version: Version::V1, checksum_v1: ChecksumV1::Arc, ..ClientWire::default() };
    let mut pair = Pair::with(wire, ServerWire::default());
    pair.client.start_call(UTS, "é", b"[]", "call").unwrap();
    let [event] = pair.server_events().try_into().unwrap();
    assert!(event.starts_with("fatal bad_crc"), "{event}");
}

#[test]
fn context_and_errors_behind_an_error_reach_the_caller() {
    let mut pair = Pair::new();
    let id = pair.call("a", "[]");
    let error = RemoteError { context: "[1]".into(), ase_errors: r#"[{"name":"x"}]"#.into(), ..boom() };
    for bad in
        [RemoteError { context: "[".into(), ..boom() }, RemoteError { ase_errors: "x".into(), ..boom() }]
    {
        assert_eq!(pair.server.fail(UTS, id, &bad).unwrap_err().kind(), ErrorKind::Invalid);
    }
    pair.server.fail(UTS, id, &error).unwrap();
    let mut bytes = pair.server.transmit().split();
    let Some(ClientEvent::Failed { error: received, .. }) = pair.client.next_event(&mut bytes) else {
        panic!("an error was sent");
    };
    assert_eq!(*received, error);
}

#[test]
fn name_longer_than_allowed_is_refused_by_both_sides() {
    let limits = Limits { max_name_bytes: 10, ..Limits::default() };
    let mut pair = Pair::with(
        ClientWire { limits, ..ClientWire::default() },
        ServerWire { limits, ..ServerWire::default() },
    );
    let error = pair.client.start_call(UTS, "12345678901", b"[]", "call").unwrap_err();
    assert!(error.kind() == ErrorKind::TooLarge && error.message().contains("max_name_bytes"), "{error}");
    request(&mut pair.to_server, Version::V2, 7, "12345678901");
    assert!(pair.server_events().is_empty());
    let [frame] = decoded(pair.server.transmit()).try_into().unwrap();
    assert_eq!((frame.status, frame.msgid), (Status::Error, 7));
    let sent = pair.server.traffic().sent(Status::Error);
    assert_eq!((sent.messages, sent.bytes), (1, pair.server.transmit().len() as u64));
    let id = pair.call("1234567890", "[]");
    pair.server.end(UTS, id, None).unwrap();
}
