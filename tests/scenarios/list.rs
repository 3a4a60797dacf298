//! The list: what is asked, and what every language must answer.

use super::servers::Servers;
use serde_json::{Value as Json, json};

pub struct Scenario {
    pub name: &'static str,
    input: Box<dyn Fn(&Servers) -> Json>,
    wanted: Wanted,
}

/// What must come back. Members that are not mentioned may be anything.
struct Wanted {
    values: Json,
    /// The error's code, or none.
    code: Option<&'static str>,
    /// Members of the error, compared whole.
    error: Json,
    /// A part of the error's message.
    message: &'static str,
    /// Longest it may take. Far above what it takes; a hang is a failure, a slow machine is not.
    within_ms: u64,
}

const LONG_MS: u64 = 15_000;

impl Scenario {
    fn returns(name: &'static str, values: Json, input: impl Fn(&Servers) -> Json + 'static) -> Self {
        let wanted = Wanted { values, code: None, error: json!({}), message: "", within_ms: LONG_MS };
        Self { name, input: Box::new(input), wanted }
    }

    fn fails(
        name: &'static str,
        code: &'static str,
        message: &'static str,
        input: impl Fn(&Servers) -> Json + 'static,
    ) -> Self {
        let wanted =
            Wanted { values: json!([]), code: Some(code), error: json!({}), message, within_ms: LONG_MS };
        Self { name, input: Box::new(input), wanted }
    }

    fn with_error(mut self, error: Json) -> Self {
        self.wanted.error = error;
        self
    }

    fn with_values(mut self, values: Json) -> Self {
        self.wanted.values = values;
        self
    }

    fn within(mut self, ms: u64) -> Self {
        self.wanted.within_ms = ms;
        self
    }

    pub fn input(&self, servers: &Servers) -> Json {
        (self.input)(servers)
    }

    pub fn check(&self, output: &Json) -> Result<(), String> {
        let Wanted { values, code, error, message, within_ms } = &self.wanted;
        let must = |right: bool, what: &str| if right { Ok(()) } else { Err(format!("{what}: {output}")) };
        must(output["error"]["code"].as_str() == *code, "wrong code")?;
        must(output["values"] == *values, "wrong values")?;
        must(output["ms"].as_u64().is_some_and(|ms| ms <= *within_ms), "it took too long")?;
        must(output["error"]["message"].as_str().unwrap_or_default().contains(message), "wrong message")?;
        for (member, wanted) in error.as_object().into_iter().flatten() {
            must(output["error"][member] == *wanted, member)?;
        }
        Ok(())
    }
}

/// The scenarios, in order; the last ones show that the process is intact.
pub fn scenarios(servers: &Servers) -> Vec<Scenario> {
    let address = servers.address();
    vec![
        Scenario::returns("a call by address", json!([{"sum": 5, "server": "rust"}]), |s| {
            json!({"target": s.address(), "method": "add", "args": [2, 3]})
        }),
        Scenario::returns("a call by service", json!([{"sum": 0.5, "server": "rust"}]), |s| {
            json!({"target": s.service(), "method": "add", "args": [0.25, 0.25]})
        }),
        Scenario::returns("a stream", json!([{"value": 0}, {"value": 1}, {"value": 2}]), |s| {
            json!({"target": s.service(), "method": "range", "args": [3], "stream": true})
        }),
        Scenario::returns("an empty stream", json!([]), |s| {
            json!({"target": s.service(), "method": "range", "args": [0], "stream": true})
        }),
        Scenario::returns(
            "values arrive as they were sent",
            json!([{"value": "ü \u{1F600} \" \\ \n"}, {"value": null}, {"value": {"a": [1.5, true, {}]}}]),
            |s| {
                let args = json!(["ü \u{1F600} \" \\ \n", null, {"a": [1.5, true, {}]}]);
                json!({"target": s.service(), "method": "echo", "args": args})
            },
        ),
        Scenario::fails("a wrong port", "FAST_E_CONNECT", "refused", |s| {
            json!({"target": s.closed_port(), "method": "add", "args": [1, 2]})
        })
        .with_error(json!({"retriable": true, "name": "", "info": null}))
        .within(5_000),
        Scenario::fails("a wrong method", "FAST_E_REMOTE", "unsupported RPC method: \"nope\"", |s| {
            json!({"target": s.service(), "method": "nope", "args": []})
        })
        .with_error(json!({"name": "FastError", "retriable": false, "endpoint": address})),
        Scenario::fails("arguments that are an object", "FAST_E_INVALID", "must be a JSON array", |s| {
            json!({"target": s.service(), "method": "add", "args": {"a": 1}})
        }),
        Scenario::fails("arguments that are a string", "FAST_E_INVALID", "must be a JSON array", |s| {
            json!({"target": s.service(), "method": "add", "args": "[1, 2]"})
        }),
        Scenario::fails("a service with no provider", "FAST_E_NO_ENDPOINT", "no provider of", |s| {
            json!({"target": s.nobody(), "method": "add", "args": [1, 2]})
        })
        .with_error(json!({"retriable": true}))
        .within(5_000),
        Scenario::fails("a timeout", "FAST_E_TIMEOUT", "200 milliseconds", |s| {
            json!({"target": s.service(), "method": "slow", "args": [60_000], "options": {"timeout_ms": 200}})
        })
        .with_error(json!({"endpoint": address, "retriable": false})),
        Scenario::fails("an error of the server", "FAST_E_REMOTE", "asked to fail", |s| {
            json!({"target": s.service(), "method": "fail", "args": []})
        })
        .with_error(json!({"name": "CalcError", "info": {"code": 42}, "endpoint": address})),
        Scenario::fails("a server that dies in the middle of a stream", "FAST_E_CONN_LOST", "lost", |s| {
            json!({"target": s.dies_after(&["1", "2"]), "method": "range", "args": [9], "stream": true})
        })
        .with_values(json!([1, 2]))
        .with_error(json!({"retriable": false})),
        Scenario::fails("something that is no Fast server", "FAST_E_PROTOCOL", "fast protocol", |s| {
            json!({"target": s.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "method": "add", "args": [1, 2]})
        }),
        Scenario::fails("a misspelt option", "FAST_E_INVALID", "did you mean \"timeout_ms\"", |s| {
            json!({"target": s.service(), "method": "add", "args": [], "client_options": {"timout_ms": 5}})
        }),
        Scenario::fails("an option out of bounds", "FAST_E_INVALID", "0 to 10", |s| {
            json!({"target": s.service(), "method": "add", "args": [], "client_options": {"retries": 11}})
        }),
        Scenario::fails("a malformed target", "FAST_E_INVALID", "unknown", |_| {
            json!({"target": "http://h/echo", "method": "add", "args": []})
        }),
        Scenario::returns("calls go on as before", json!([{"sum": 2, "server": "rust"}]), |s| {
            json!({"target": s.service(), "method": "add", "args": [1, 1]})
        }),
    ]
}
