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
    /// How many values came in all, of a buffered call.
    count: Option<u64>,
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
        let wanted =
            Wanted { values, count: None, code: None, error: json!({}), message: "", within_ms: LONG_MS };
        Self { name, input: Box::new(input), wanted }
    }

    fn fails(
        name: &'static str,
        code: &'static str,
        message: &'static str,
        input: impl Fn(&Servers) -> Json + 'static,
    ) -> Self {
        let wanted = Wanted {
            values: json!([]),
            count: None,
            code: Some(code),
            error: json!({}),
            message,
            within_ms: LONG_MS,
        };
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

    fn with_count(mut self, count: u64) -> Self {
        self.wanted.count = Some(count);
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
        let Wanted { values, count, code, error, message, within_ms } = &self.wanted;
        let must = |right: bool, what: &str| if right { Ok(()) } else { Err(format!("{what}: {output}")) };
        must(output["error"]["code"].as_str() == *code, "wrong code")?;
        must(output["values"] == *values, "wrong values")?;
        must(output["count"].as_u64() == *count, "wrong count")?;
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
        .with_error(json!({"retriable": true, "name": "", "info": null, "cause_name": "FastTransportError"}))
        .within(5_000),
        Scenario::fails("a wrong method", "FAST_E_REMOTE", "unsupported RPC method: \"nope\"", |s| {
            json!({"target": s.service(), "method": "nope", "args": [], "client_options": {}})
        })
        .with_error(json!({
            "name": "FastError", "retriable": false, "endpoint": address, "cause_name": "FastServerError",
            "merged_info": {"fastReason": "bad_method", "rpcMethod": "nope", "rpcMsgid": 1},
        })),
        Scenario::fails("arguments that are an object", "FAST_E_INVALID", "must be a JSON array", |s| {
            json!({"target": s.service(), "method": "add", "args": {"a": 1}})
        })
        .with_error(json!({"cause_name": "", "merged_info": null, "context": null, "ase_errors": null})),
        Scenario::fails("arguments that are a string", "FAST_E_INVALID", "must be a JSON array", |s| {
            json!({"target": s.service(), "method": "add", "args": "[1, 2]"})
        }),
        Scenario::fails("a service with no provider", "FAST_E_NO_ENDPOINT", "no provider of", |s| {
            json!({"target": s.nobody(), "method": "add", "args": [1, 2]})
        })
        .with_error(json!({
            "retriable": true, "cause_name": "FastTransportError", "merged_info": {"rpcMethod": "add"},
        }))
        .within(5_000),
        Scenario::fails("a timeout", "FAST_E_TIMEOUT", "200 milliseconds", |s| {
            let options = json!({"timeout_ms": 200});
            json!({"target": s.service(), "method": "slow", "args": [60_000], "options": options, "client_options": {}})
        })
        .with_error(json!({
            "endpoint": address, "retriable": false, "cause_name": "TimeoutError",
            "merged_info": {"rpcMethod": "slow", "rpcMsgid": 1, "timeout": 200},
        })),
        Scenario::fails("an error of the server", "FAST_E_REMOTE", "asked to fail", |s| {
            json!({"target": s.service(), "method": "fail", "args": [], "client_options": {}})
        })
        .with_error(json!({
            "name": "CalcError", "info": {"code": 42}, "endpoint": address, "cause_name": "FastServerError",
            "remote_message": "asked to fail", "context": {}, "ase_errors": null,
            "merged_info": {"code": 42, "rpcMethod": "fail", "rpcMsgid": 1},
        })),
        Scenario::fails("all that an error of a server can have", "FAST_E_REMOTE", "Deep: it broke", |s| {
            let error = json!({
                "name": "Deep", "message": "it broke", "info": {"a": {"b": [1.5, null]}, "rpcMethod": "theirs"},
                "context": {"old": "way"}, "ase_errors": [{"name": "Below"}, 7],
            });
            json!({"target": s.fails_after(&[], &error.to_string()), "method": "range", "args": []})
        })
        .with_error(json!({
            "name": "Deep", "remote_message": "it broke", "cause_name": "FastServerError",
            "info": {"a": {"b": [1.5, null]}, "rpcMethod": "theirs"},
            "context": {"old": "way"}, "ase_errors": [{"name": "Below"}, 7],
            "merged_info": {"a": {"b": [1.5, null]}, "rpcMethod": "range", "rpcMsgid": 1},
        })),
        Scenario::fails("a server that dies in the middle of a stream", "FAST_E_CONN_LOST", "lost", |s| {
            // Dying with a request unread would reset the connection instead of ending it.
            let options = json!({"watch_servers": false});
            let target = s.dies_after(&["1", "2"]);
            json!({"target": target, "client_options": options, "method": "range", "args": [9], "stream": true})
        })
        .with_values(json!([1, 2]))
        .with_error(json!({
            "retriable": false, "cause_name": "FastProtocolError", "name": "",
            "merged_info": {"rpcMethod": "range", "rpcMsgid": 1},
        })),
        Scenario::fails("a null value", "FAST_E_PROTOCOL", "null", |s| {
            json!({"target": s.ends_after(&["1", "null", "2"]), "method": "range", "args": [3], "stream": true})
        })
        .with_values(json!([1]))
        .with_error(json!({"cause_name": "FastProtocolError"})),
        Scenario::returns("a null value that is ignored", json!([1, 2]), |s| {
            let options = json!({"ignore_null_values": true});
            json!({"target": s.ends_after(&["1", "null", "2"]), "method": "range", "args": [3], "options": options})
        }),
        Scenario::fails("a null value that is not ignored, unlike others", "FAST_E_PROTOCOL", "null", |s| {
            json!({
                "target": s.ends_after(&["null"]), "method": "range", "args": [3],
                "options": {"ignore_null_values": false}, "client_options": {"ignore_null_values": true},
            })
        }),
        Scenario::returns("a buffered call", json!([{"value": 0}, {"value": 1}]), |s| {
            json!({"target": s.service(), "method": "range", "args": [5], "max_values": 2})
        })
        .with_count(5),
        Scenario::fails("a buffered call that fails", "FAST_E_REMOTE", "after all of them", |s| {
            let error = json!({"name": "Late", "message": "after all of them", "info": {}});
            let target = s.fails_after(&["1", "2", "3"], &error.to_string());
            json!({"target": target, "method": "range", "args": [], "max_values": 2})
        })
        .with_values(json!([1, 2]))
        .with_count(3)
        .with_error(json!({"name": "Late"})),
        Scenario::fails("a buffered call that fails before it is sent", "FAST_E_INVALID", "JSON array", |s| {
            json!({"target": s.service(), "method": "range", "args": 7, "max_values": 2})
        })
        .with_count(0),
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
