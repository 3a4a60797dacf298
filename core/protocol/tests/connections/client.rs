//! What a client does with what a server sends.

use super::pair::*;
use bytes::BytesMut;
use libfast_model::{ErrorKind, Progress, RemoteError};
use libfast_protocol::{ClientEvent, ClientWire, Reason, ServerWire, Status};

#[test]
fn end_may_carry_values() {
    let mut pair = Pair::new();
    let id = pair.call("echo", "[]");
    pair.inject(Status::Data, id, r#"{"d":[]}"#);
    pair.inject(Status::End, id, r#"{"d":[1, 2]}"#);
    assert_eq!(pair.client_events(), ["values 1 [1, 2]", "ended 1 call"]);
}

/// The owner looks a call up when its values come, so it must still be there although END is already read.
/// Giving it up at that moment reserves no id, since nothing would ever release it.
#[test]
fn call_is_pending_between_the_values_of_end_and_its_end() {
    let mut pair = Pair::new();
    let id = pair.call("echo", "[]");
    pair.inject(Status::End, id, r#"{"d":[1]}"#);
    let event = pair.client.next_event(&mut pair.to_client);
    assert!(matches!(event, Some(ClientEvent::Values { id: 1, .. })));
    assert_eq!(pair.client.call_mut(id), Some(&mut "call"));
    assert_eq!(pair.client.abandon(id), Some("call"));
    assert_eq!((pair.client.pending(), pair.client.abandoned()), (0, 0));
    assert_eq!(pair.client_events(), Vec::<String>::new());
}

#[test]
fn errors_fail_their_call_only() {
    let mut pair = Pair::new();
    let (first, second) = (pair.call("a", "[]"), pair.call("b", "[]"));
    pair.server.send(UTS, first, b"1").unwrap();
    assert_eq!(pair.server.fail(UTS, first, &boom()).unwrap(), Some("request"));
    let unnamed = RemoteError { message: "m".into(), ..RemoteError::default() };
    pair.server.fail(UTS, second, &unnamed).unwrap();
    assert_eq!(
        pair.client_events(),
        ["values 1 [1]", r#"failed 1 Boom: it "broke" {"a":1}"#, "failed 2 VError: m {}"]
    );
}

#[test]
fn late_frames_of_an_abandoned_call_are_dropped_until_its_end() {
    let mut pair = Pair::new();
    let id = pair.call("slow", "[]");
    assert_eq!(pair.client.abandon(id), Some("call"));
    assert_eq!(pair.client.abandon(id), None);
    assert_eq!((pair.client.pending(), pair.client.abandoned()), (0, 1));
    assert!(pair.client.transmit().is_empty(), "abandoning sends nothing");

    pair.server.send(UTS, id, b"null").unwrap();
    assert_eq!(pair.client_events(), Vec::<String>::new());
    assert_eq!((pair.client.abandoned(), pair.client.ignored()), (1, 1));
    pair.server.end(UTS, id, None).unwrap();
    assert_eq!(pair.client_events(), Vec::<String>::new());
    assert_eq!(pair.client.abandoned(), 0);
    pair.inject(Status::End, id, r#"{"d":[]}"#);
    assert_eq!(pair.client_events(), [r#"fatal unknown_msgid {"fastReason":"unknown_msgid","fastMsgid":1}"#]);
}

/// Otherwise each call that times out and then fails would take an id for the life of the connection.
#[test]
fn error_releases_an_abandoned_id() {
    let mut pair = Pair::new();
    let id = pair.call("slow", "[]");
    pair.client.abandon(id);
    pair.server.fail(UTS, id, &boom()).unwrap();
    assert_eq!(pair.client_events(), Vec::<String>::new());
    assert_eq!((pair.client.abandoned(), pair.client.ignored()), (0, 1));
}

#[test]
fn unknown_id_is_fatal_and_calls_can_be_drained() {
    let mut pair = Pair::new();
    for _ in 0..20 {
        pair.call("a", "[]");
    }
    pair.client.abandon(5);
    pair.inject(Status::Data, 99, r#"{"d":[1]}"#);
    pair.inject(Status::Data, 1, r#"{"d":[1]}"#);
    assert_eq!(
        pair.client_events(),
        [r#"fatal unknown_msgid {"fastReason":"unknown_msgid","fastMsgid":99}"#]
    );
    pair.inject(Status::End, 1, r#"{"d":[]}"#);
    assert_eq!(pair.client_events(), Vec::<String>::new());
    assert!(pair.to_client.is_empty(), "input after the violation is dropped");
    let ids: Vec<u32> = pair.client.drain_calls().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, (1..=20).filter(|id| *id != 5).collect::<Vec<_>>());
    let error = pair.client.start_call(UTS, "a", b"[]", "call").unwrap_err();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::ConnectionLost, Progress::NotStarted));
    assert_eq!(pair.client.handle_end_of_stream(&BytesMut::new()), Ok(()), "the failure was told already");
}

#[test]
fn null_fails_its_call_after_the_values_before_it() {
    let mut pair = Pair::new();
    let (first, second, third) = (pair.call("a", "[]"), pair.call("b", "[]"), pair.call("c", "[]"));
    pair.inject(Status::Data, first, r#"{"d":[1,{"a":null},null,2]}"#);
    pair.inject(Status::Data, first, r#"{"d":[3]}"#);
    pair.inject(Status::End, second, r#"{"d":[null]}"#);
    pair.inject(Status::End, third, r#"{"d":[[null],null]}"#);
    assert_eq!(
        pair.client_events(),
        [r#"values 1 [1,{"a":null}]"#, "null 1 call", "null 2 call", "values 3 [[null]]", "null 3 call"]
    );
    // Only the first can still be answered; null in END leaves nothing to wait for.
    assert_eq!((pair.client.pending(), pair.client.abandoned(), pair.client.ignored()), (0, 1, 1));
    pair.inject(Status::End, first, r#"{"d":[]}"#);
    assert_eq!(pair.client_events(), Vec::<String>::new());
    assert_eq!(pair.client.abandoned(), 0);
}

#[test]
fn null_is_passed_over_on_request() {
    let wire = ClientWire { ignore_nulls: true, ..ClientWire::default() };
    let mut pair = Pair::with(wire, ServerWire::default());
    let id = pair.call("a", "[]");
    pair.inject(Status::Data, id, r#"{"d":[null]}"#);
    pair.inject(Status::End, id, r#"{"d":[null,1, null,2]}"#);
    assert_eq!(pair.client_events(), ["values 1 [1,2]", "ended 1 call"]);
}

#[test]
fn end_of_stream_with_calls_pending_fails_them() {
    let mut pair = Pair::new();
    pair.call("a", "[]");
    let error = pair.client.handle_end_of_stream(&pair.to_client).unwrap_err();
    assert_eq!(
        (error.reason(), error.message()),
        (Reason::UnexpectedEnd, "unexpected end of transport stream")
    );
    assert_eq!(error.info(), "{}");
    let error = error.to_error();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::ConnectionLost, Progress::Unknown));
    assert_eq!(pair.client.drain_calls(), [(1, "call")]);
}

#[test]
fn end_of_stream_inside_a_frame_is_incomplete_even_with_nothing_pending() {
    let mut client = Client::new(ClientWire::default());
    let error = client.handle_end_of_stream(&BytesMut::from(&[2][..])).unwrap_err();
    assert_eq!(error.reason(), Reason::IncompleteMessage);
}

#[test]
fn end_of_stream_with_nothing_pending_is_no_error_but_ends_the_connection() {
    let mut pair = Pair::new();
    let id = pair.call("a", "[]");
    pair.client.abandon(id);
    assert_eq!(pair.client.handle_end_of_stream(&BytesMut::new()), Ok(()));
    let error = pair.client.start_call(UTS, "a", b"[]", "call").unwrap_err();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::ConnectionLost, Progress::NotStarted));
    assert!(pair.client.transmit().is_empty());
}
