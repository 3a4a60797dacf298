//! What a client makes of everything that a server may answer, and must not.

mod support;

use libfast_model::{ClientOptions, ErrorKind, Progress, ServerOptions};
use libfast_protocol::{Frame, Status};
use libfast_rpc::{Client, Request, Server};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use support::script::{Script, drain, told};
use support::{Bare, LONG, until};

const D: Status = Status::Data;
const END: Status = Status::End;
const ERROR: Status = Status::Error;

fn micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

/// What each request must be, whatever comes of it.
fn judge(request: &Frame, since: u64) {
    assert_eq!((request.status, request.msgid), (Status::Data, 1));
    let payload: Value = serde_json::from_slice(&request.payload).unwrap();
    assert_eq!((&payload["m"]["name"], &payload["d"]), (&json!("m"), &json!([1])));
    assert!((since..=micros()).contains(&payload["m"]["uts"].as_u64().unwrap()), "{payload}");
}

/// What a call gets from a server that sends this and ends its side.
async fn ask(answer: impl FnOnce(&mut Bare) + Send + 'static) -> (Vec<String>, Option<libfast_model::Error>) {
    let since = micros();
    let script = Script::once(move |mut peer| {
        judge(&peer.next().unwrap(), since);
        answer(&mut peer);
    });
    let answer = drain(script.client().await.stream("m", [1])).await;
    script.finish().await;
    answer
}

/// As `ask`, with frames that belong to the call.
async fn frames(list: &'static [(Status, &'static str)]) -> (Vec<String>, Option<libfast_model::Error>) {
    ask(move |peer| list.iter().for_each(|(status, payload)| peer.say(*status, 1, payload))).await
}

#[tokio::test]
async fn values_come_in_order_however_they_are_spread() {
    assert_eq!(frames(&[(END, r#"{"d":[]}"#)]).await.0, Vec::<String>::new());
    let (values, error) = frames(&[
        (D, r#"{"d":["0"]}"#),
        (D, r#"{"d":["1","2"]}"#),
        (D, r#"{"d":[]}"#),
        (D, r#"{"d":["3","4","5"]}"#),
        (END, r#"{"d":["6","7","8","9"]}"#),
    ])
    .await;
    assert!(error.is_none());
    assert_eq!(values, (0..10).map(|i| format!("\"{i}\"")).collect::<Vec<_>>());
}

#[tokio::test]
async fn ten_thousand_values_come_in_as_many_frames_or_in_one() {
    let wanted: Vec<_> = (0..10_001).map(|i| i.to_string()).collect();
    let answer = ask(|peer| {
        (0..10_000).for_each(|i| peer.say(D, 1, &format!(r#"{{"d":[{i}]}}"#)));
        peer.say(END, 1, r#"{"d":[10000]}"#);
    });
    assert!(answer.await.0 == wanted);
    let all = wanted.join(",");
    let answer = ask(move |peer| peer.say(END, 1, &format!(r#"{{"d":[{all}]}}"#)));
    assert!(answer.await.0 == wanted);
}

/// The info has what the server knows, but the call's own id and method.
#[tokio::test]
async fn an_error_comes_whole_after_the_values_before_it() {
    let (values, error) = frames(&[
        (D, r#"{"d":[1,2]}"#),
        (D, r#"{"d":[3,4,5]}"#),
        (
            ERROR,
            r#"{"d":{"name":"Boom","message":"100% %s","info":{"a":1,"rpcMsgid":99},"context":{"c":[]},"ase_errors":[{"name":"Deep"}],"other":1}}"#,
        ),
    ])
    .await;
    assert_eq!(values, ["1", "2", "3", "4", "5"]);
    let error = error.unwrap();
    assert_eq!(told(&error), ("FastServerError", json!({"a":1,"rpcMethod":"m","rpcMsgid":1})));
    let remote = error.remote().unwrap();
    assert_eq!((&*remote.name, &*remote.message), ("Boom", "100% %s"));
    assert_eq!((&*remote.context, &*remote.ase_errors), (r#"{"c":[]}"#, r#"[{"name":"Deep"}]"#));
}

#[tokio::test]
async fn a_stream_that_ends_too_early_fails_the_call_after_its_values() {
    let (_, error) = frames(&[]).await;
    assert_eq!(told(&error.unwrap()), ("FastProtocolError", json!({"rpcMethod":"m","rpcMsgid":1})));
    let (_, error) = ask(|peer| std::io::Write::write_all(&mut peer.stream, &[2]).unwrap()).await;
    let incomplete = json!({"fastReason":"incomplete_message","rpcMethod":"m","rpcMsgid":1});
    assert_eq!(told(&error.unwrap()), ("FastProtocolError", incomplete));
    let (values, error) = frames(&[(D, r#"{"d":[7]}"#)]).await;
    assert_eq!((values, told(&error.unwrap()).0), (vec!["7".into()], "FastProtocolError"));
}

#[tokio::test]
async fn an_answer_that_is_no_fast_fails_the_call_and_ends_the_connection() {
    for (reason, say) in [
        ("unknown_msgid", (END, 47, r#"{"d":[]}"#)),
        ("invalid_json", (END, 1, r#"{"d":["#)),
        ("bad_error", (ERROR, 1, r#"{"d":{}}"#)),
        ("bad_data_d", (D, 1, r#"{"d":{}}"#)),
        ("bad_data", (D, 1, "null")),
    ] {
        let (status, id, payload) = say;
        let (values, error) = ask(move |peer| {
            peer.say(status, id, payload);
            peer.until_ended();
        })
        .await;
        let (cause, info) = told(&error.unwrap());
        assert_eq!((values.len(), cause, &info["fastReason"]), (0, "FastProtocolError", &json!(reason)));
        assert_eq!((&info["rpcMethod"], &info["rpcMsgid"]), (&json!("m"), &json!(1)));
    }
}

/// The call that is over keeps its result; what else waits on the connection cannot be answered any more, because
/// nobody knows what the frame was meant for.
#[tokio::test]
async fn a_frame_for_a_call_that_is_over_ends_the_connection() {
    for (first, ends_well) in
        [((END, r#"{"d":[1]}"#), true), ((ERROR, r#"{"d":{"name":"N","message":"m"}}"#), false)]
    {
        for late in
            [(END, r#"{"d":[]}"#), (D, r#"{"d":[2]}"#), (ERROR, r#"{"d":{"name":"L","message":"late"}}"#)]
        {
            let script = Script::once(move |mut peer| {
                peer.requests(2);
                peer.say(first.0, 1, first.1);
                peer.say(late.0, 1, late.1);
                peer.until_ended();
            });
            let client = script.client().await;
            let (over, waiting) = (client.stream("over", [0; 0]), client.stream("waiting", [0; 0]));
            let ((values, error), (_, failed)) = tokio::join!(drain(over), drain(waiting));
            assert_eq!((values.len() == 1, error.is_none()), (ends_well, ends_well));
            let info = json!({"fastReason":"unknown_msgid","fastMsgid":1,"rpcMethod":"waiting","rpcMsgid":2});
            assert_eq!(told(&failed.unwrap()), ("FastProtocolError", info));
            script.finish().await;
        }
    }
}

#[tokio::test]
async fn a_frame_that_nobody_asked_for_ends_the_connection() {
    let (_, error) = ask(|peer| {
        peer.say(ERROR, 7, r#"{"d":{"name":"N","message":"m"}}"#);
        peer.until_ended();
    })
    .await;
    let info = json!({"fastReason":"unknown_msgid","fastMsgid":7,"rpcMethod":"m","rpcMsgid":1});
    assert_eq!(told(&error.unwrap()), ("FastProtocolError", info));
}

/// The id is free again although the call failed before its end was looked at: the connection is of use for all others.
#[tokio::test]
async fn null_in_the_last_frame_fails_its_call_only() {
    let script = Script::once(|mut peer| {
        let next = |peer: &mut Bare| peer.requests(1)[0].msgid;
        for _ in 0..2 {
            let id = next(&mut peer);
            peer.say(END, id, r#"{"d":[true,null,7]}"#);
        }
        let id = next(&mut peer);
        peer.say(END, id, r#"{"d":["still here"]}"#);
        peer.until_ended();
    });
    let client = script.client().await;
    let (values, error) = drain(client.stream("m", [1])).await;
    assert_eq!(values, ["true"]);
    let (cause, info) = told(&error.unwrap());
    assert_eq!(cause, "FastProtocolError");
    assert_eq!((&info["rpcMsgid"], &info["rpcMessage"]["data"]["d"]), (&json!(1), &json!([true, null, 7])));
    let (values, error) = drain(client.call("m", [1]).ignore_null_values(true).stream()).await;
    assert_eq!((values, error.is_none()), (vec!["true".into(), "7".into()], true));
    assert_eq!(drain(client.stream("m", [1])).await.0, ["\"still here\""]);
    client.close(LONG).await;
    script.finish().await;
}

/// A server with a bound is asked again elsewhere when it refuses. One whose handler was refused by another has run it.
#[tokio::test]
async fn a_refusal_of_another_server_is_passed_on_as_a_failure() {
    let mut options = ServerOptions::default();
    (options.listen, options.max_inflight) = (":0".into(), 1);
    let behind = Server::new(options.clone()).unwrap();
    let hang = |request: Request| async move {
        request.cancelled().await;
        Ok(())
    };
    behind.method("m", hang).unwrap();
    let client_of = async |server: &Server| {
        let address = server.start().await.unwrap().to_string();
        Client::with_options(&address, ClientOptions::default()).unwrap()
    };
    let busy = client_of(&behind).await;
    let taken = tokio::spawn({
        let busy = busy.clone();
        async move { busy.call("m", [(); 0]).await }
    });
    until("the only place is taken", || behind.in_flight() == 1).await;
    let refused = busy.call("m", [(); 0]).await.unwrap_err();
    assert_eq!((refused.kind(), &*refused.remote().unwrap().name), (ErrorKind::Overload, "FastOverloaded"));
    let server = Server::new(options).unwrap();
    let upstream = busy.clone();
    let pass_on = move |_: Request| {
        let upstream = upstream.clone();
        async move { upstream.call("m", [(); 0]).await.map(drop) }
    };
    server.method("m", pass_on).unwrap();
    let failed = client_of(&server).await.call("m", [(); 0]).await.unwrap_err();
    assert_eq!((failed.kind(), failed.progress()), (ErrorKind::Remote, Progress::Finished));
    assert_eq!(failed.remote().unwrap().info, r#"{"code":"FAST_E_OVERLOAD"}"#);
    taken.abort();
}
