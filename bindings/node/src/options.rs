//! Options as they come from JavaScript: `[name, value, name, value, …]`, all texts.

use libfast_embed::{CallSettings, Config};
use libfast_model::{ClientOptions, ErrorKind, OptionSpec, Result, ServerOptions};
use napi_derive::napi;

/// The options of a client. One that only servers have is refused, as it would have no effect.
pub fn of_client(pairs: &[String]) -> Result<Config> {
    let mut known = ClientOptions::default();
    checked(pairs, |name, value| known.set(name, value))
}

/// The options of a server or an announcement.
pub fn of_server(pairs: &[String]) -> Result<Config> {
    let mut known = ServerOptions::default();
    checked(pairs, |name, value| known.set(name, value))
}

/// The options of one call.
pub fn of_call(pairs: &[String]) -> Result<CallSettings> {
    let mut settings = CallSettings::default();
    for (name, value) in each(pairs) {
        settings.set(name, value)?;
    }
    Ok(settings)
}

fn checked(pairs: &[String], mut check: impl FnMut(&str, &str) -> Result<()>) -> Result<Config> {
    let mut config = Config::default();
    for (name, value) in each(pairs) {
        check(name, value)?;
        config.set(name, value)?;
    }
    Ok(config)
}

fn each(pairs: &[String]) -> impl Iterator<Item = (&str, &str)> {
    pairs.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str()))
}

/// The table of error kinds as JSON: `[[name, class], …]`.
#[napi]
pub fn error_kinds() -> String {
    let rows = ErrorKind::TABLE.iter().map(|row| [row.name, row.class]);
    serde_json::json!(rows.collect::<Vec<_>>()).to_string()
}

/// The names of all options as JSON: `{"client": […], "server": […], "call": […]}`.
#[napi]
pub fn option_names() -> String {
    let names = |specs: Vec<OptionSpec>| specs.iter().map(|spec| spec.name).collect::<Vec<_>>();
    serde_json::json!({
        "client": names(ClientOptions::specs()),
        "server": names(ServerOptions::specs()),
        "call": CallSettings::NAMES,
    })
    .to_string()
}
