//! The same frames to node-fast's server and to libfast's: what they answer must be the same, member by member.

use super::frames::Frames;
use super::process::{Process, node, tool};
use super::servers::listening;
use libfast_protocol::{Status, Version};
use serde_json::{Value as Json, json};

type Said = (Version, Status, u32, &'static str);

const V1: Version = Version::V1;
const V2: Version = Version::V2;
const DATA: Status = Status::Data;
const END: Status = Status::End;
const ERROR: Status = Status::Error;

/// The frames of one connection each. `last` is asked behind them, to know when all is said.
const CONNECTIONS: &[(&str, &[Said])] = &[
    (
        "m is missing or nonsense",
        &[
            (V2, DATA, 1, r#"{"d":[]}"#),
            (V2, DATA, 2, r#"{"m":null,"d":[1]}"#),
            (V2, DATA, 3, r#"{"m":0,"d":[1]}"#),
            (V2, DATA, 4, r#"{"m":"echo","d":[1]}"#),
            (V2, DATA, 5, r#"{"m":["echo"],"d":[1]}"#),
            (V2, DATA, 6, r#"{"m":{},"d":[{"a":[null]}]}"#),
            (V1, DATA, 7, r#"{"m":{"uts":"x"},"d":["é😀"]}"#),
        ],
    ),
    (
        "m.name is nonsense",
        &[
            (V2, DATA, 1, r#"{"m":{"name":""},"d":[]}"#),
            (V2, DATA, 2, r#"{"m":{"name":null},"d":[]}"#),
            (V2, DATA, 3, r#"{"m":{"name":7},"d":[]}"#),
            (V2, DATA, 4, r#"{"m":{"name":["echo"]},"d":[]}"#),
            (V2, DATA, 5, r#"{"m":{"name":{"a":1}},"d":[]}"#),
            (V2, DATA, 6, r#"{"m":{"name":"echo","name":1},"d":[]}"#),
        ],
    ),
    (
        "m.name is unknown",
        &[
            (V2, DATA, 1, r#"{"m":{"name":"nope"},"d":[]}"#),
            (V1, DATA, 2, r#"{"m":{"name":"größe €😀"},"d":[]}"#),
            (V2, DATA, 3, r#"{"m":{"name":"a\"b\\c\n\u0001"},"d":[]}"#),
            (V2, DATA, 4, r#"{"m":{"name":"__proto__"},"d":[]}"#),
            (V2, DATA, 5, r#"{"m":{"name":"toString"},"d":[]}"#),
            (V2, DATA, 6, r#"{"m":{"name":"hasOwnProperty"},"d":[]}"#),
            (V2, DATA, 7, r#"{"m":{"name":" echo"},"d":[]}"#),
            (V2, DATA, 8, r#"{"m":{"name":"100% %s %d"},"d":[]}"#),
        ],
    ),
    (
        "requests are spelt in other ways",
        &[
            (
                V2,
                DATA,
                1,
                " {\n\"d\" : [ 1.0 , \"\\u0041\\/\" ] , \"x\":[{}], \"m\":{\"name\":\"\\u0065cho\"} }\t",
            ),
            (V1, DATA, 2, r#"{"m":{"name":"nope"},"m":{"name":"echo"},"d":{},"d":[2]}"#),
            (V2, DATA, 3, r#"{"m":{"name":"echo","uts":-1.5,"more":[]},"d":[[],{},"",0,false,null]}"#),
        ],
    ),
    (
        "ids at the ends of their range, and again",
        &[
            (V2, DATA, 0, r#"{"m":{"name":"echo"},"d":[0]}"#),
            (V1, DATA, 2147483647, r#"{"m":{"name":"echo"},"d":[1]}"#),
            (V2, DATA, 5, r#"{"m":{"name":"nope"},"d":[]}"#),
        ],
    ),
    (
        "errors from a client change nothing",
        &[
            (V2, DATA, 1, r#"{"m":{"name":"sleep"},"d":[{"ms":20}]}"#),
            (V2, ERROR, 1, r#"{"m":{"name":"sleep"},"d":{"name":"Cancel","message":"please"}}"#),
            (V1, ERROR, 9, r#"{"d":{"name":"","message":""}}"#),
            (V2, DATA, 9, r#"{"m":{"name":"echo"},"d":[9]}"#),
        ],
    ),
    (
        "an id that is in use",
        &[
            (V2, DATA, 1, r#"{"m":{"name":"sleep"},"d":[{"ms":60000}]}"#),
            (V2, DATA, 1, r#"{"m":{"name":"echo"},"d":[]}"#),
        ],
    ),
    (
        "an id that is in use, without a method",
        &[(V2, DATA, 1, r#"{"m":{"name":"sleep"},"d":[{"ms":60000}]}"#), (V2, DATA, 1, r#"{"d":[]}"#)],
    ),
    (
        "END for a call",
        &[(V2, DATA, 1, r#"{"m":{"name":"sleep"},"d":[{"ms":60000}]}"#), (V2, END, 1, r#"{"d":[]}"#)],
    ),
    ("END for nothing", &[(V2, END, 1, r#"{"d":[]}"#)]),
    (
        "wrong arguments",
        &[
            (V2, DATA, 1, r#"{"m":{"name":"date"},"d":[1]}"#),
            (V2, DATA, 2, r#"{"m":{"name":"yes"},"d":[]}"#),
            (V2, DATA, 3, r#"{"m":{"name":"yes"},"d":[{"count":0}]}"#),
            (V2, DATA, 4, r#"{"m":{"name":"yes"},"d":[{"count":"7","value":1}]}"#),
            (V2, DATA, 5, r#"{"m":{"name":"yes"},"d":[7]}"#),
            (V2, DATA, 6, r#"{"m":{"name":"fail"},"d":[{"name":"N"}]}"#),
            (V2, DATA, 7, r#"{"m":{"name":"fail"},"d":[{"name":"","message":"m","info":null}]}"#),
            (
                V2,
                DATA,
                8,
                r#"{"m":{"name":"fail"},"d":[{"name":"N","message":"m","info":[1,{"a":2}],"context":"c"}]}"#,
            ),
            (
                V2,
                DATA,
                9,
                r#"{"m":{"name":"fail"},"d":[{"name":"N","message":"100% %s","info":{"x":null},"context":0}]}"#,
            ),
            (V2, DATA, 10, r#"{"m":{"name":"fastbench"},"d":[null]}"#),
            (V2, DATA, 11, r#"{"m":{"name":"fastbench"},"d":[{"echo":{}}]}"#),
            (V2, DATA, 12, r#"{"m":{"name":"sleep"},"d":[{"ms":-1}]}"#),
            (V2, DATA, 13, r#"{"m":{"name":"words"},"d":[1]}"#),
        ],
    ),
];

const LAST: u32 = 1_000;

/// All that a server says to these frames, in the order of ids, which is all that the protocol fixes; and whether it ended
/// the connection.
fn ask(address: &str, said: &[Said]) -> (Vec<(u32, Version, Status, Json)>, bool) {
    let mut frames = Frames::connect(address);
    for &(version, status, id, payload) in said {
        frames.send(version, status, id, payload);
    }
    // It answers when all others have: `sleep` above is shorter, or never answered.
    let mut open = vec![LAST];
    open.extend(said.iter().filter(|(_, status, ..)| *status == DATA).map(|(_, _, id, _)| *id));
    frames.send(V2, DATA, LAST, r#"{"m":{"name":"echo"},"d":["last"]}"#);
    let mut answers = Vec::new();
    while !open.is_empty() {
        let Some(frame) = frames.next() else { return (answers, true) };
        if frame.status != DATA {
            open.retain(|id| *id != frame.msgid);
        }
        let payload = serde_json::from_slice(&frame.payload).expect("frames hold JSON");
        answers.push((frame.msgid, frame.version, frame.status, comparable(payload)));
    }
    answers.sort_by_key(|(id, ..)| *id);
    (answers, false)
}

/// Without what differs from one time to the next.
fn comparable(mut payload: Json) -> Json {
    assert!(payload["m"]["uts"].is_u64(), "{payload}");
    payload["m"]["uts"] = json!(null);
    if let Some(request) = payload.pointer_mut("/d/info/rpcMessage") {
        request["connId"] = json!(null);
    }
    as_doubles(payload)
}

/// libfast passes numbers on as they were spelt; in JavaScript all are doubles.
fn as_doubles(json: Json) -> Json {
    match json {
        Json::Number(number) => json!(number.as_f64()),
        Json::Array(list) => list.into_iter().map(as_doubles).collect(),
        Json::Object(members) => {
            members.into_iter().map(|(name, member)| (name, as_doubles(member))).collect()
        }
        other => other,
    }
}

#[test]
fn both_servers_answer_the_same_bytes_alike() {
    let mut original = Process::start(&mut node("server.js"));
    let original = (listening(&mut original), original);
    let mut fastserve = Process::start(tool("fastserve").args(["-p", "0"]));
    let line = fastserve.line();
    let address = line.split_whitespace().nth(3).expect("an address");
    for (what, said) in CONNECTIONS {
        let (expected, found) = (ask(&original.0, said), ask(address, said));
        assert_eq!(found.1, expected.1, "{what}: ended by libfast {}, by node-fast {}", found.1, expected.1);
        for (found, expected) in found.0.iter().zip(&expected.0) {
            assert_eq!(found, expected, "{what}: libfast left, node-fast right");
        }
        assert_eq!(found.0.len(), expected.0.len(), "{what}: libfast left, node-fast right");
    }
}
