//! What the peers cannot do, and what is seen instead. Each is asserted, so that a peer that learns it is noticed.

use super::answer::{Expected, ExpectedAnswer, ExpectedFailure};
use super::cases::Case;
use super::clients::ClientKind;
use super::servers::ServerKind;
use serde_json::json;

pub struct Limit {
    pub why: &'static str,
    /// `None`: the peer's client has no means for the case.
    pub expected: Option<Expected>,
    /// The case is the end of the peer's process.
    pub ends_server: bool,
}

/// Why this case cannot go well for a reason that is the peer's.
pub fn find(client: ClientKind, server: ServerKind, version: u8, case: &Case) -> Option<Limit> {
    let limit = match (client, server) {
        (ClientKind::RustFast, _) => of_rust_client(version, case),
        (_, ServerKind::RustFast) => of_rust_server(version, case),
        (_, ServerKind::NodeFast) => of_node_server(case),
        _ => None,
    };
    limit.map(|(why, expected)| Limit { why, expected, ends_server: why == ENDS })
}

const ENDS: &str = "its servers end when a handler sends null or a scalar";

type Found = Option<(&'static str, Option<Expected>)>;

fn of_rust_client(version: u8, case: &Case) -> Found {
    if case.name == "lone surrogates" {
        return Some(("its JSON parser refuses lone surrogates", None));
    }
    let why = match case {
        _ if version == 1 => "it sends version 2 only",
        Case { calls, .. } if calls.len() > 1 => "its client makes one call at a time",
        Case { calls, .. } if calls[0].timeout.is_some() => "its client has no timeout",
        Case { calls, .. } if calls[0].abandon => "its client cannot abandon a call",
        Case { calls, .. } if calls[0].ignore_null => "its client always hands out null",
        _ => return of_rust_answers(case),
    };
    Some((why, None))
}

fn of_rust_answers(case: &Case) -> Found {
    let mut expected = case.expected.clone();
    let first = &mut expected.answers[0];
    let unreadable =
        || ExpectedAnswer { error: Some(text("Failed to parse data payload as JSON")), ..Default::default() };
    let why = match case.name {
        "null ends the call" => {
            *first = ExpectedAnswer {
                values: ["[1]", "null", "[2]"].map(Into::into).into(),
                ..Default::default()
            };
            "its client always hands out null"
        }
        "values in END, several in a frame" => {
            first.values.truncate(2);
            "its client drops what is in END"
        }
        "null in END" => {
            *first = ExpectedAnswer::default();
            "its client drops what is in END"
        }
        "the empty method name" => {
            expected.answers[..2].fill_with(unreadable);
            "its client insists on a text as m.name in answers"
        }
        "other spellings, no m" => {
            *first = unreadable();
            "its client insists on m"
        }
        _ if first.error.is_some() => {
            if case.name == "errors of odd shapes" {
                // The name is empty, and stays so.
                first.error = Some(text(": 100% %s"));
            }
            for failure in expected.answers.iter_mut().filter_map(|answer| answer.error.as_mut()) {
                failure.kind = "text";
            }
            "its client gives errors as `name: message`, without info"
        }
        _ => return None,
    };
    Some((why, Some(expected)))
}

fn of_rust_server(version: u8, case: &Case) -> Found {
    if version == 1 {
        let lost =
            "it computes only the checksum of version 2, and closes the connection of a version 1 request";
        return Some((lost, Some(all_lost(case))));
    }
    let mut expected = case.expected.clone();
    let why = match case.name {
        "lone surrogates" => {
            return Some((
                "its JSON parser refuses lone surrogates and closes the connection",
                Some(all_lost(case)),
            ));
        }
        "an error with info and context" => {
            expected.answers[0].error = Some(plain("100% %s é"));
            "an error of its servers is a message only: no name, no info"
        }
        "an error after values" => {
            expected.answers[0] = ExpectedAnswer { error: Some(plain("later")), ..Default::default() };
            "a handler of its servers gives either values or an error"
        }
        "unknown methods" | "the empty method name" => {
            for (call, answer) in case.calls.iter().chain(&case.then).zip(&mut expected.answers) {
                if answer.error.is_some() {
                    answer.error = Some(unsupported(&call.method));
                }
            }
            "its servers treat unknown methods as each likes"
        }
        "a timeout, then a late answer"
        | "abandoned, then a late answer"
        | "100 calls answered last first" => {
            for (call, answer) in case.calls.iter().chain(&case.then).zip(&mut expected.answers) {
                let refused = matches!(call.method.as_str(), "hold" | "release") && !call.abandon;
                if refused {
                    *answer = ExpectedAnswer { error: Some(unsupported(&call.method)), ..Default::default() };
                }
            }
            expected.shuffled = false;
            "its handlers answer at once, and a connection runs one after the other"
        }
        _ => return None,
    };
    Some((why, Some(expected)))
}

fn of_node_server(case: &Case) -> Found {
    match case.name {
        "values that are scalars" | "null ends the call" | "null passed over" => {
            Some((ENDS, Some(all_lost(case))))
        }
        _ => None,
    }
}

/// Every call fails with the connection, unless it ends otherwise by itself before.
fn all_lost(case: &Case) -> Expected {
    let lost = |expected: &ExpectedAnswer| {
        let own = expected.error.as_ref().map(|failure| failure.kind).filter(|kind| *kind == "abandoned");
        let error = Some(ExpectedFailure { kind: own.unwrap_or("lost"), ..Default::default() });
        ExpectedAnswer { values: expected.values.clone(), prefix: true, error }
    };
    Expected { answers: case.expected.answers.iter().map(lost).collect(), shuffled: false }
}

fn text(message: &str) -> ExpectedFailure {
    ExpectedFailure {
        kind: "text",
        said: Some((String::new(), message.into(), json!({}))),
        ..Default::default()
    }
}

fn plain(message: &str) -> ExpectedFailure {
    ExpectedFailure {
        kind: "remote",
        said: Some(("FastError".into(), message.into(), json!({}))),
        ..Default::default()
    }
}

fn unsupported(method: &str) -> ExpectedFailure {
    plain(&format!("Unsupported function: {method}"))
}
