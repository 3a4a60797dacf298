//! What every pair is asked, and what must come of it.

use super::answer::{Expected, ExpectedAnswer, ExpectedFailure};
use serde_json::{Value as Json, json};

pub struct Case {
    pub name: &'static str,
    /// Started at once, on one connection.
    pub calls: Vec<Call>,
    /// Started when all of `calls` have ended, on the same connection.
    pub then: Vec<Call>,
    /// The client ends its side of the connection when it has sent `calls`.
    pub half_close: bool,
    /// `fastserve` has the methods.
    pub demo: bool,
    /// For the server of old frames only.
    pub old: bool,
    pub expected: Expected,
}

#[derive(Clone, Default)]
pub struct Call {
    pub method: String,
    pub args: String,
    pub timeout: Option<u64>,
    pub ignore_null: bool,
    pub abandon: bool,
}

/// A case for one client.
pub struct Task {
    pub address: String,
    pub version: u8,
    pub calls: Vec<Call>,
    pub then: Vec<Call>,
    pub half_close: bool,
}

impl Case {
    pub fn task(&self, address: &str, version: u8) -> Task {
        let (calls, then) = (self.calls.clone(), self.then.clone());
        Task { address: address.into(), version, calls, then, half_close: self.half_close }
    }

    fn new(name: &'static str) -> Self {
        let expected = Expected::default();
        let (calls, then) = (vec![], vec![]);
        Self { name, calls, then, half_close: false, demo: true, old: false, expected }
    }

    /// One of the calls that start at once.
    fn call(mut self, call: Call, answer: ExpectedAnswer) -> Self {
        assert!(self.then.is_empty(), "calls come in order");
        self.calls.push(call);
        self.expected.answers.push(answer);
        self
    }

    fn then(mut self, call: Call, answer: ExpectedAnswer) -> Self {
        self.then.push(call);
        self.expected.answers.push(answer);
        self
    }

    fn extra(self) -> Self {
        Self { demo: false, ..self }
    }

    fn old(self) -> Self {
        Self { old: true, ..self }
    }
}

impl Task {
    /// As text, because the arguments may be what a JSON parser refuses.
    pub fn to_json(&self) -> String {
        let list = |calls: &[Call]| calls.iter().map(Call::to_json).collect::<Vec<_>>().join(",");
        let Self { address, version, calls, then, half_close } = self;
        let (calls, then) = (list(calls), list(then));
        format!(
            r#"{{"address":"{address}","version":{version},"calls":[{calls}],"then":[{then}],"half_close":{half_close}}}"#
        )
    }
}

impl Call {
    fn to_json(&self) -> String {
        let Self { method, args, timeout, ignore_null, abandon } = self;
        let (method, timeout) = (json!(method), json!(timeout));
        format!(
            r#"{{"method":{method},"args":{args},"timeout":{timeout},"ignore_null":{ignore_null},"abandon":{abandon}}}"#
        )
    }
}

fn call(method: &str, args: impl Into<String>) -> Call {
    Call { method: method.into(), args: args.into(), ..Call::default() }
}

fn values<T: Into<String>>(values: impl IntoIterator<Item = T>) -> ExpectedAnswer {
    ExpectedAnswer { values: values.into_iter().map(Into::into).collect(), ..ExpectedAnswer::default() }
}

fn nothing() -> ExpectedAnswer {
    ExpectedAnswer::default()
}

/// The values, each as `{"value": …}`.
fn in_value(list: &[&str]) -> ExpectedAnswer {
    values(list.iter().map(|value| format!(r#"{{"value":{value}}}"#)))
}

fn remote(name: &str, message: &str, info: Json) -> ExpectedAnswer {
    failed(ExpectedFailure {
        kind: "remote",
        said: Some((name.into(), message.into(), info)),
        context: Json::Null,
    })
}

fn fails(kind: &'static str) -> ExpectedAnswer {
    failed(ExpectedFailure { kind, ..ExpectedFailure::default() })
}

fn failed(failure: ExpectedFailure) -> ExpectedAnswer {
    ExpectedAnswer { error: Some(failure), ..ExpectedAnswer::default() }
}

fn before(values: ExpectedAnswer, error: ExpectedAnswer) -> ExpectedAnswer {
    ExpectedAnswer { values: values.values, ..error }
}

fn unknown(name: &str) -> ExpectedAnswer {
    remote(
        "FastError",
        &format!(r#"unsupported RPC method: "{name}""#),
        json!({"fastReason":"bad_method","rpcMethod":name}),
    )
}

/// An echo of the given values.
fn echo(list: &[&str]) -> (Call, ExpectedAnswer) {
    (call("echo", format!("[{}]", list.join(","))), in_value(list))
}

pub fn cases() -> Vec<Case> {
    [answers(), errors(), endings(), many(), old()].into_iter().flatten().collect()
}

fn simple(name: &'static str, (call, answer): (Call, ExpectedAnswer)) -> Case {
    Case::new(name).call(call, answer)
}

fn answers() -> Vec<Case> {
    let large = format!("\"{}\"", "é€".repeat(800_000));
    let chunk = format!("\"{}\"", "x".repeat(65_536));
    let stream = format!(r#"[{{"value":{chunk},"count":64}}]"#);
    let bare = |list: &str| call("bare", list);
    vec![
        simple("no value", echo(&[])),
        simple("one value", echo(&["1"])),
        simple(
            "2000 values",
            (call("yes", r#"[{"value":{"x":1},"count":2000}]"#), in_value(&[r#"{"x":1}"#; 2000])),
        ),
        simple(
            "all kinds of values",
            echo(&["{}", "null", "false", "17.81", "\"\"", "0", "[[],[null]]", "-1e+21"]),
        ),
        simple("text beyond ASCII", echo(&["\"é€😀ŁĀ\u{7f}\u{2028}\"", r#"{"größe":1}"#])),
        simple("escapes", echo(&[r#""\u0000\b\t\n\f\r\u001f\"\\/""#])),
        simple("lone surrogates", echo(&[r#""\ud800""#, r#""a\udc00b""#])),
        simple("4 MB there and back", echo(&[&large])),
        simple("a stream of 4 MB", (call("yes", stream), in_value(&[chunk.as_str(); 64]))),
        simple(
            "values that are objects and arrays",
            (bare(r#"[{"a":[]},[1,[2]]]"#), values([r#"{"a":[]}"#, "[1,[2]]"])),
        )
        .extra(),
        simple(
            "values that are scalars",
            (bare(r#"[7,"x",false,""]"#), values(["7", "\"x\"", "false", "\"\""])),
        )
        .extra(),
        simple("null ends the call", (bare("[[1],null,[2]]"), before(values(["[1]"]), fails("protocol"))))
            .extra(),
        simple(
            "null passed over",
            (Call { ignore_null: true, ..bare("[[1],null,[2]]") }, values(["[1]", "[2]"])),
        )
        .extra(),
    ]
}

fn errors() -> Vec<Case> {
    let fail = |argument: Json| call("fail", format!("[{argument}]"));
    let info = json!({"a":[1,{"b":null}],"é":"€"});
    let context = json!({"c":[1]});
    let after = before(in_value(&["1", "2", "3"]), remote("Boom", "later", json!({})));
    let malformed =
        || remote("FastError", "RPC request is not well-formed", json!({"fastReason":"bad_data"}));
    vec![
        Case::new("an error with info and context").call(
            fail(json!({"name":"Boom","message":"100% %s é","info":info,"context":context})),
            failed(ExpectedFailure {
                kind: "remote",
                said: Some(("Boom".into(), "100% %s é".into(), info)),
                context,
            }),
        ),
        Case::new("an error after values").call(
            fail(json!({"name":"Boom","message":"later","data":[1,2,3]})),
            ExpectedAnswer { prefix: true, ..after },
        ),
        Case::new("unknown methods")
            .call(call("nö\"", "[]"), unknown("nö\""))
            .then(call("__proto__", "[]"), unknown("__proto__"))
            .then(call("toString", "[1]"), unknown("toString")),
        Case::new("the empty method name")
            .call(call("", "[]"), malformed())
            .then(call("", r#"[{"a":1}]"#), malformed())
            .then(echo(&["1"]).0, in_value(&["1"])),
    ]
}

/// Calls that end early, and connections of which one side ends.
fn endings() -> Vec<Case> {
    let late = |name, first: Call, kind| {
        // What was held is answered before `release` is, and nobody waits for it any more.
        let case = Case::new(name).extra().call(first, fails(kind));
        case.then(call("release", "[]"), nothing()).then(echo(&["1"]).0, in_value(&["1"]))
    };
    let hold = || call("hold", "[1,[2]]");
    let half_closed = |name, count| {
        let case = Case { half_close: true, ..Case::new(name) };
        (0..count).fold(case, |case, i| {
            let (call, answer) = echo(&[&format!("{i}")]);
            case.call(call, answer)
        })
    };
    vec![
        late("a timeout, then a late answer", Call { timeout: Some(50), ..hold() }, "timeout"),
        late("abandoned, then a late answer", Call { abandon: true, ..hold() }, "abandoned"),
        half_closed("end of the client's side after a request", 1),
        half_closed("the same after 100 requests", 100),
    ]
}

fn many() -> Vec<Case> {
    let pipelined = (0..200).fold(Case::new("200 calls at once"), |case, i| {
        let (call, answer) = echo(&[&format!("{i}")]);
        case.call(call, answer)
    });
    let mut shuffled = Case::new("100 calls answered last first").extra();
    for i in 0..100 {
        let i = format!("{i}");
        shuffled = shuffled.call(call("hold", format!("[{i}]")), in_value(&[&i]));
    }
    shuffled = shuffled.call(call("release", "[]"), nothing());
    shuffled.expected.shuffled = true;
    let text = |i: usize| format!("\"{}\"", "a".repeat(i * 1000));
    let (first, answer) = echo(&[&text(1)]);
    let one_by_one = (2..100).fold(Case::new("99 calls one by one").call(first, answer), |case, i| {
        let (call, answer) = echo(&[&text(i)]);
        case.then(call, answer)
    });
    vec![pipelined, shuffled, one_by_one]
}

fn old() -> Vec<Case> {
    let plain = || (call("plain", "[]"), nothing());
    let then_plain = |case: Case| case.then(plain().0, plain().1).old();
    let null = || call("null", "[]");
    vec![
        then_plain(simple(
            "values in END, several in a frame",
            (call("batched", "[]"), values(["1", "[2]", "\"drei\"", r#"{"a":1}"#])),
        )),
        then_plain(simple("null in END", (null(), before(values(["[1]"]), fails("protocol"))))),
        then_plain(simple(
            "null in END passed over",
            (Call { ignore_null: true, ..null() }, values(["[1]", "[2]"])),
        )),
        odd_errors(),
        then_plain(simple("an error without info", (call("stack", "[]"), remote("Old", "grown", json!({}))))),
        simple("other spellings, no m", (call("spelt", "[]"), values([r#""A/""#, "1"]))).old(),
    ]
}

/// Infos that are no objects, and members that are empty.
fn odd_errors() -> Case {
    let error = |name: &str, message: &str, info, context| {
        failed(ExpectedFailure { kind: "remote", said: Some((name.into(), message.into(), info)), context })
    };
    let list = error("VError", "100% %s", json!({"0":"a","1":{"b":null}}), json!([1]));
    Case::new("errors of odd shapes")
        .call(call("nameless", "[]"), list)
        .then(call("texts", "[]"), error("N", "", json!({"0":"h","1":"é"}), json!("c")))
        .then(call("nulls", "[]"), error("N", "m", json!({}), Json::Null))
        .old()
}
