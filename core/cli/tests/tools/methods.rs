//! The demo methods against their table in the description of the protocol.

use super::support::*;
use libfast::{Client, ErrorKind};

/// The texts of the values, and the error's name, message and info.
async fn ask(client: &Client, method: &str, args: &str) -> (Vec<String>, Option<[String; 3]>) {
    let mut call = client.start(method, args.to_owned().into(), client.call_options());
    let mut values = Vec::new();
    while let Some(value) = call.next().await {
        match value {
            Ok(value) => values.push(value.text().to_owned()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Remote, "{method} {args}: {error}");
                let remote = error.remote().unwrap().clone();
                return (values, Some([remote.name, remote.message, remote.info]));
            }
        }
    }
    (values, None)
}

async fn expect_values(client: &Client, method: &str, args: &str, expected: &[&str]) {
    let answer = ask(client, method, args).await;
    assert_eq!(answer, (expected.iter().map(|&text| text.to_owned()).collect(), None), "{method} {args}");
}

async fn expect_error(client: &Client, method: &str, args: &str, error: [&str; 3]) {
    let answer = ask(client, method, args).await;
    assert_eq!(answer, (vec![], Some(error.map(str::to_owned))), "{method} {args}");
}

#[tokio::test]
async fn values_are_as_specified() {
    let server = Fastserve::start(&[]);
    let client = client(server.address());
    for (method, args, values) in [
        ("echo", "[]", &[][..]),
        (
            "echo",
            r#"[null,0,"x",[1.50e+3],{"a":{}}]"#,
            &[
                r#"{"value":null}"#,
                r#"{"value":0}"#,
                r#"{"value":"x"}"#,
                r#"{"value":[1.50e+3]}"#,
                r#"{"value":{"a":{}}}"#,
            ],
        ),
        ("echo", r#"[1e999,"\ud800"]"#, &[r#"{"value":1e999}"#, r#"{"value":"\ud800"}"#]),
        ("yes", r#"[{"value":{"x":1},"count":2}]"#, &[r#"{"value":{"x":1}}"#, r#"{"value":{"x":1}}"#]),
        ("yes", r#"[{"value":null,"count":1.5}]"#, &[r#"{"value":null}"#, r#"{"value":null}"#]),
        ("yes", r#"[{"count":1}]"#, &["{}"]),
        ("fastbench", r#"[{"echo":[]}]"#, &[]),
        ("fastbench", r#"[{"echo":[[0],[1]],"delay":1}]"#, &[r#"{"value":[0]}"#, r#"{"value":[1]}"#]),
        ("fastbench", r#"[{"echo":[1],"delay":"soon"}]"#, &[r#"{"value":1}"#]),
        ("sleep", r#"[{"ms":0}]"#, &[]),
        ("sleep", r#"[{"ms":1.5}]"#, &[]),
    ] {
        expect_values(&client, method, args, values).await;
    }
    let (values, error) = ask(&client, "yes", r#"[{"value":[],"count":102400}]"#).await;
    assert_eq!((values.len(), error), (102_400, None));
}

#[tokio::test]
async fn date_is_one_instant_in_two_forms() {
    let server = Fastserve::start(&[]);
    let client = client(server.address());
    let (values, _) = ask(&client, "date", "[]").await;
    let [value] = values.as_slice() else { panic!("{values:?}") };
    let value: serde_json::Value = serde_json::from_str(value).unwrap();
    let (timestamp, text) = (value["timestamp"].as_u64().unwrap(), value["iso8601"].as_str().unwrap());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(now.as_millis() as u64 - timestamp < LIMIT.as_millis() as u64);
    assert!(text.ends_with(&format!(".{:03}Z", timestamp % 1000)) && text.len() == 24, "{text}");
}

#[tokio::test]
async fn errors_are_as_specified() {
    let server = Fastserve::start(&[]);
    let client = client(server.address());
    let plain = |message| ["Error", message, "{}"];
    for (method, args, error) in [
        ("date", "[1]", plain("expected no arguments")),
        ("yes", "[]", plain("expected one argument")),
        ("yes", "[1,2]", plain("expected one argument")),
        ("fail", "[]", plain("expected argument")),
        ("fail", "[{},{}]", plain("expected argument")),
        ("fail", "[null]", plain("bad arguments")),
        ("fail", "[7]", plain("bad arguments")),
        ("fail", "[{}]", plain("bad arguments")),
        ("fail", r#"[{"name":"N"}]"#, plain("bad arguments")),
        ("fail", r#"[{"name":1,"message":"m"}]"#, plain("bad arguments")),
        ("fail", r#"[{"name":"N","message":"m","info":"text"}]"#, plain("bad arguments")),
        ("fastbench", "[]", plain("expected exactly one object argument")),
        ("fastbench", "[null]", plain("expected exactly one object argument")),
        ("fastbench", "[1]", plain("expected exactly one object argument")),
        ("fastbench", "[{},{}]", plain("expected exactly one object argument")),
        ("fastbench", "[{}]", plain("expected arg.echo")),
        ("fastbench", "[[]]", plain("expected arg.echo")),
        ("fastbench", r#"[{"echo":{}}]"#, plain("expected arg.echo")),
        ("sleep", "[]", plain("expected one argument")),
        ("sleep", "[null]", plain(r#"bad value for "ms""#)),
        ("sleep", "[{}]", plain(r#"bad value for "ms""#)),
        ("sleep", r#"[{"ms":"1"}]"#, plain(r#"bad value for "ms""#)),
        ("sleep", r#"[{"ms":-1}]"#, plain(r#"bad value for "ms""#)),
        ("sleep", r#"[{"ms":1800001}]"#, plain(r#"bad value for "ms""#)),
        ("words", "[1]", plain("expected 0 arguments")),
        ("fail", r#"[{"name":"N","message":"100% %s"}]"#, ["N", "100% %s", "{}"]),
        ("fail", r#"[{"name":"","message":"m","info":null}]"#, ["VError", "m", "{}"]),
        ("fail", r#"[{"name":"N","message":"","info":{"a":[1e3]},"data":7}]"#, ["N", "", r#"{"a":[1e3]}"#]),
        ("fail", r#"[{"name":"N","message":"m","info":["x"]}]"#, ["N", "m", r#"{"0":"x"}"#]),
    ] {
        expect_error(&client, method, args, error).await;
    }
    for (args, found) in [
        (r#"[{"count":0}]"#, r#""foundValue":0,"#),
        (r#"[{"count":102401}]"#, r#""foundValue":102401,"#),
        (r#"[{"count":"5"}]"#, r#""foundValue":"5","#),
        (r#"[{"count":1e999}]"#, r#""foundValue":1e999,"#),
        (r#"[{"value":1}]"#, ""),
        ("[null]", ""),
        ("[5]", ""),
    ] {
        let info = format!(r#"{{{found}"minValue":1,"maxValue":102400}}"#);
        let error = ["VError", "count must be an integer in range [1, 102400]", &info];
        expect_error(&client, "yes", args, error).await;
    }
    // Nothing of this has hurt the server.
    expect_values(&client, "echo", "[1]", &[r#"{"value":1}"#]).await;
}

#[tokio::test]
async fn fail_sends_its_data_before_the_error() {
    let server = Fastserve::start(&[]);
    let args = r#"[{"name":"N","message":"m","data":[1,{"x":2}],"context":{"c":1}}]"#;
    let (values, error) = ask(&client(server.address()), "fail", args).await;
    assert_eq!(values, [r#"{"value":1}"#, r#"{"value":{"x":2}}"#]);
    assert_eq!(error.unwrap()[..2], ["N", "m"]);
}

/// As in JavaScript, where what counts as false is as good as absent.
#[tokio::test]
async fn fail_sends_its_context_or_an_empty_one() {
    let server = Fastserve::start(&[]);
    let client = client(server.address());
    for (context, sent) in [
        (r#","context":{"c":[1.0]}"#, r#"{"c":[1.0]}"#),
        (r#","context":"text""#, r#""text""#),
        (r#","context":7"#, "7"),
        (r#","context":[]"#, "[]"),
        ("", "{}"),
        (r#","context":null"#, "{}"),
        (r#","context":false"#, "{}"),
        (r#","context":-0.0e5"#, "{}"),
        (r#","context":"""#, "{}"),
    ] {
        let args = format!(r#"[{{"name":"N","message":"m"{context}}}]"#);
        let error = client.start("fail", args.into(), client.call_options()).collect().await.unwrap_err();
        assert_eq!(error.remote().unwrap().context, sent, "{context}");
    }
}

#[tokio::test]
async fn words_come_from_the_dictionary_if_there_is_one() {
    let server = Fastserve::start(&[]);
    let (values, error) = ask(&client(server.address()), "words", "[]").await;
    match std::fs::read_to_string("/usr/dict/words") {
        Ok(words) => assert_eq!(values.len(), words.lines().count()),
        Err(_) => {
            let message =
                r#"open/read "/usr/dict/words": ENOENT: no such file or directory, open '/usr/dict/words'"#;
            assert_eq!(error.unwrap(), ["VError", message, "{}"]);
        }
    }
}
