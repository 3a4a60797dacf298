//! Frames that were right once.

use bytes::BytesMut;
use fastrand::Rng;
use libfast_protocol::{HEADER_BYTES, MAX_MSGID, Status, Version, encode};

const METHODS: &[&str] = &["echo", "date", "yes", "fail", "fastbench", "sleep", "nobody", "__proto__"];

const ARGS: &[&str] = &[
    "[]",
    "[null]",
    r#"["é😀\ud800\u0000"]"#,
    r#"[{"value":{"a":[1,2,3]},"count":3}]"#,
    r#"[{"name":"E","message":"m","info":{"a":1},"data":[1,2]}]"#,
    r#"[{"echo":[[0,1,2],[3,4,5]]}]"#,
    r#"[{"ms":0}]"#,
    "[1e400,-0,0.5E-7,9007199254740993]",
    r#"[[[[[[[[[[[[[[[[{"a":{"a":{"a":{}}}}]]]]]]]]]]]]]]]]"#,
    " [ true , false ] ",
];

/// Payloads that name no method, and arguments of strange kinds.
const STRANGE: &[&str] = &[
    r#"{"d":[]}"#,
    r#"{"m":null,"d":[1]}"#,
    r#"{"m":{"name":""},"d":[]}"#,
    r#"{"m":{"name":7,"uts":"x"},"d":[[]]}"#,
    r#"{"m":[],"d":[],"d":[2]}"#,
    r#" {"x":{"d":5},"\u0064":[3],"m":{"n\u0061me":"\u0065cho"}} "#,
];

/// Appends a frame with something changed. Most stay frames that a server has to take, or it would never see those
/// behind them; about one in `fatal_in` is broken for good.
pub fn append(out: &mut BytesMut, id: u32, fatal_in: u32, rng: &mut Rng) {
    let start = out.len();
    let version = if rng.bool() { Version::V1 } else { Version::V2 };
    match rng.u8(0..8) {
        0 => {
            let error = br#"{"d":{"name":"RPCCanceledError","message":"stop"}}"#;
            encode(out, version, Status::Error, id, error);
        }
        1 => encode(out, version, Status::Data, id, pick(STRANGE, rng).as_bytes()),
        2 => encode(out, version, Status::Data, id, request(&name(rng), &args(rng)).as_bytes()),
        3 => encode(out, version, Status::Data, id, request(pick(METHODS, rng), &args(rng)).as_bytes()),
        _ => {
            let payload = request(pick(METHODS, rng), pick(ARGS, rng));
            encode(out, version, Status::Data, id, payload.as_bytes());
        }
    }
    if rng.u32(0..fatal_in) == 0 {
        break_bytes(out, start, rng);
    }
}

fn request(method: &str, args: &str) -> String {
    format!(r#"{{"m":{{"uts":1,"name":"{method}"}},"d":{args}}}"#)
}

fn pick<'t>(from: &[&'t str], rng: &mut Rng) -> &'t str {
    from[rng.usize(0..from.len())]
}

/// A method's name with some characters changed; no quotes, which would end it.
fn name(rng: &mut Rng) -> String {
    let mut name: Vec<char> = pick(METHODS, rng).chars().collect();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(0..=name.len());
        name.insert(at, rng.char('\u{a0}'..));
    }
    name.into_iter().collect()
}

/// Arguments into which others were spliced.
fn args(rng: &mut Rng) -> String {
    format!(r#"[{},{{"a":{}}},{}]"#, pick(ARGS, rng), pick(ARGS, rng), rng.i64(..))
}

/// Changes the frame that starts there, with no regard for its checksum.
fn break_bytes(out: &mut BytesMut, start: usize, rng: &mut Rng) {
    let length = out.len() - start;
    let put = |out: &mut BytesMut, at: usize, number: u32| {
        out[start + at..start + at + 4].copy_from_slice(&number.to_be_bytes());
    };
    match rng.u8(0..12) {
        0..4 => out[start + rng.usize(0..length)] ^= 1 << rng.u8(0..8),
        4 => put(out, 11, rng.u32(..)),
        5 => put(out, 11, (length - HEADER_BYTES) as u32 ^ 1 << rng.u32(0..10)),
        6 => put(out, 7, rng.u32(..)),
        7 => put(out, 3, rng.u32(MAX_MSGID + 1..)),
        8 => out[start + rng.usize(0..3)] = rng.u8(..),
        9 => out.truncate(start + rng.usize(1..length)),
        10 => {
            // A part of what came before goes into the middle of this frame. Not a whole frame, which would be right.
            let (at, from) = (start + rng.usize(0..length), rng.usize(0..start + 1));
            let part = &out[from..start.min(from + HEADER_BYTES)];
            let spliced = [&out[..at], part, &out[at..]].concat();
            out.clear();
            out.extend_from_slice(&spliced);
        }
        _ => {
            // A text that is no payload, with a right header.
            out.truncate(start);
            let payload = ["", "[]", "5", "{", "{\"d\":{}}", "\u{feff}{\"d\":[]}", "{\"d\":[1,]}"];
            encode(out, Version::V2, Status::Data, 1, pick(&payload, rng).as_bytes());
        }
    }
}
