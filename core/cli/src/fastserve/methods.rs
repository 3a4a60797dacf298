//! The demo methods: what they take, send and refuse is fixed, because programs and tests of other implementations rely
//! on it. Values pass through as the text they came in.

use libfast::{Error, RemoteError, Request, Result, Server, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

macro_rules! methods {
    ($($name:ident)*) => {
        /// The names of all methods.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Adds all methods.
        pub fn add_all(server: &Server) -> Result<()> {
            $(server.method(stringify!($name), $name)?;)*
            Ok(())
        }
    };
}

methods! { date echo yes fail fastbench sleep words }

#[derive(Serialize)]
struct Instant {
    timestamp: u64,
    iso8601: String,
}

async fn date(request: Request) -> Result<Instant> {
    let args = args(&request)?;
    if !args.is_empty() {
        return Err(plain("expected no arguments"));
    }
    let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64);
    Ok(Instant { timestamp, iso8601: Timestamp(timestamp).to_string() })
}

async fn echo(request: Request) -> Result<()> {
    send_all(&request, &args(&request)?).await
}

async fn yes(request: Request) -> Result<()> {
    let args = args(&request)?;
    let [argument] = args.as_slice() else { return Err(plain("expected one argument")) };
    // What is no object has no members, null included.
    let members = members(argument).unwrap_or_default();
    let found = members.get("count");
    let legal = |count: &f64| (1.0..=MOST_YES).contains(count);
    let Some(count) = found.and_then(|count| number(count)).filter(legal) else {
        let found = found.map_or(String::new(), |count| format!(r#""foundValue":{count},"#));
        let error = RemoteError::new("VError", format!("count must be an integer in range [1, {MOST_YES}]"))
            .with_info(format!(r#"{{{found}"minValue":1,"maxValue":{MOST_YES}}}"#));
        return Err(Error::from_remote(error));
    };
    let text = members.get("value").map_or("{}".to_owned(), |value| in_value(value));
    // Like a loop that counts up to a number that need not be whole.
    for _ in 0..count.ceil() as u32 {
        send(&request, &text).await?;
    }
    Ok(())
}

async fn fail(request: Request) -> Result<()> {
    let args = args(&request)?;
    let [argument] = args.as_slice() else { return Err(plain("expected argument")) };
    let error = members(argument).and_then(|members| {
        let name = string(members.get("name")?)?;
        let error = RemoteError {
            name: if name.is_empty() { "VError".into() } else { name },
            message: string(members.get("message")?)?,
            info: members.get("info").map_or(Some(String::new()), |info| info_text(info))?,
            context: members
                .get("context")
                .filter(|context| is_truthy(context))
                .map_or(String::new(), |context| context.to_string()),
            ..RemoteError::default()
        };
        Some((error, members.get("data").and_then(|data| elements(data))))
    });
    let Some((error, data)) = error else { return Err(plain("bad arguments")) };
    send_all(&request, &data.unwrap_or_default()).await?;
    Err(Error::from_remote(error))
}

async fn fastbench(request: Request) -> Result<()> {
    let args = args(&request)?;
    let argument = match args.as_slice() {
        [argument] if argument.get().starts_with(['{', '[']) => argument,
        _ => return Err(plain("expected exactly one object argument")),
    };
    let members = members(argument).unwrap_or_default();
    let Some(echo) = members.get("echo").and_then(|echo| elements(echo)) else {
        return Err(plain("expected arg.echo"));
    };
    if let Some(delay) = members.get("delay").and_then(|delay| number(delay)) {
        pause(&request, delay).await;
    }
    send_all(&request, &echo).await
}

async fn sleep(request: Request) -> Result<()> {
    let args = args(&request)?;
    let [argument] = args.as_slice() else { return Err(plain("expected one argument")) };
    let ms = members(argument).and_then(|members| number(members.get("ms")?));
    let Some(ms) = ms.filter(|ms| (0.0..=LONGEST_SLEEP_MS).contains(ms)) else {
        return Err(plain(r#"bad value for "ms""#));
    };
    pause(&request, ms).await;
    Ok(())
}

async fn words(request: Request) -> Result<()> {
    #[derive(Serialize)]
    struct Word<'w> {
        word: &'w str,
    }
    if !args(&request)?.is_empty() {
        return Err(plain("expected 0 arguments"));
    }
    let text = tokio::task::spawn_blocking(|| std::fs::read(WORDS)).await;
    let text = text.map_err(std::io::Error::other).flatten().map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => format!("ENOENT: no such file or directory, open '{WORDS}'"),
            _ => error.to_string(),
        };
        let message = format!("open/read \"{WORDS}\": {why}");
        Error::from_remote(RemoteError::new("VError", message))
    })?;
    for word in String::from_utf8_lossy(&text).lines() {
        request.send(&Word { word }).await?;
    }
    Ok(())
}

type Raw = Box<RawValue>;

fn args(request: &Request) -> Result<Vec<Raw>> {
    request.args()
}

/// The members of an object, of two with one name the last; `None` for anything else.
fn members(value: &RawValue) -> Option<HashMap<String, Raw>> {
    serde_json::from_str(value.get()).ok()
}

/// The elements of an array; `None` for anything else.
fn elements(value: &RawValue) -> Option<Vec<Raw>> {
    serde_json::from_str(value.get()).ok()
}

fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// A number of any size; one that is too large for the type is infinite, as in JavaScript.
fn number(value: &RawValue) -> Option<f64> {
    value.get().starts_with(|c: char| c == '-' || c.is_ascii_digit()).then(|| value.get().parse().ok())?
}

/// The `info` of an error as the text of an object. An array has members, too: its elements by index.
fn info_text(value: &RawValue) -> Option<String> {
    match value.get() {
        "null" => Some(String::new()),
        object if object.starts_with('{') => Some(object.to_owned()),
        _ => {
            let members =
                elements(value)?.iter().enumerate().map(|(i, e)| format!(r#""{i}":{e}"#)).collect::<Vec<_>>();
            Some(format!("{{{}}}", members.join(",")))
        }
    }
}

/// What counts as true in JavaScript.
fn is_truthy(value: &RawValue) -> bool {
    !matches!(value.get(), "null" | "false" | r#""""#) && number(value) != Some(0.0)
}

fn in_value(value: &RawValue) -> String {
    format!(r#"{{"value":{value}}}"#)
}

async fn send_all(request: &Request, values: &[Raw]) -> Result<()> {
    for value in values {
        send(request, &in_value(value)).await?;
    }
    Ok(())
}

async fn send(request: &Request, text: &str) -> Result<()> {
    request.send_text(text.as_bytes()).await
}

/// Waits, unless nobody waits for the answer any more.
async fn pause(request: &Request, ms: f64) {
    let duration = Duration::try_from_secs_f64(ms.max(0.0) / 1000.0).unwrap_or(Duration::MAX);
    tokio::select! {
        () = tokio::time::sleep(duration) => {}
        () = request.cancelled() => {}
    }
}

/// An error as JavaScript's `new Error(message)`.
fn plain(message: &str) -> Error {
    let message = message.to_owned();
    Error::from_remote(RemoteError::new("Error", message))
}

const LONGEST_SLEEP_MS: f64 = 1_800_000.0;
const MOST_YES: f64 = 102_400.0;
const WORDS: &str = "/usr/dict/words";
