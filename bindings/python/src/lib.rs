//! `libfast._native`: the Rust half of the Python package, which `python/libfast` makes pleasant to use.
//!
//! It never waits with the interpreter held. No thread of the library ever enters Python: what
//! must be told waits in a [`queue::Queue`], whose descriptor the program watches.

mod announced;
mod call;
mod client;
mod error;
mod job;
mod json;
mod queue;
mod reply;
mod running;
mod server;
mod settings;

use libfast_model::{ClientOptions, ErrorKind, OptionKind, ServerOptions, option_specs};
use pyo3::prelude::*;
use std::time::Duration;

/// Longest that a thread waits before it lets Python's signal handlers run.
pub(crate) const SLICE: Duration = Duration::from_millis(100);

#[pymodule]
mod _native {
    use super::*;

    #[pymodule_export]
    use crate::announced::{Announced, Picked, announce};
    #[pymodule_export]
    use crate::call::{PullCall, QueuedCall};
    #[pymodule_export]
    use crate::client::Client;
    #[pymodule_export]
    use crate::job::Job;
    #[pymodule_export]
    use crate::queue::Queue;
    #[pymodule_export]
    use crate::reply::Reply;
    #[pymodule_export]
    use crate::server::{Request, Server};
    #[pymodule_export]
    use crate::settings::{CallSettings, Config};

    /// The version of the library.
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = libfast_model::VERSION;

    /// A number that differs between a process and its forked children.
    #[pyfunction]
    fn fork_generation() -> u64 {
        libfast_embed::fork_generation()
    }

    /// The object of some JSON text that the library gave.
    #[pyfunction]
    fn loads<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        crate::json::value(py, text)
    }

    /// The numbers of all clients and servers of the process, as text for Prometheus (docs/METRICS.md).
    #[pyfunction]
    fn metrics_text(py: Python<'_>) -> String {
        py.detach(libfast_embed::metrics_text)
    }

    /// The table of errors: code, name, class, meaning and remedy of each.
    #[pyfunction]
    fn error_kinds() -> Vec<(i32, &'static str, &'static str, &'static str, &'static str)> {
        ErrorKind::TABLE.iter().map(|row| (row.code, row.name, row.class, row.meaning, row.remedy)).collect()
    }

    /// The table of options: name, kind, default and meaning of each, and whether clients and servers have it.
    #[pyfunction]
    fn option_specs() -> Vec<(&'static str, String, String, &'static str, bool, bool)> {
        let (client, server) = (ClientOptions::specs(), ServerOptions::specs());
        let row = |spec: libfast_model::OptionSpec| {
            let kind = match spec.kind {
                OptionKind::Flag => "True or False".to_owned(),
                OptionKind::Integer { min, max } => format!("{min} to {max}"),
                OptionKind::IntegerOr { words, min, max } => {
                    format!("{} or {min} to {max}", words.join(" or "))
                }
                OptionKind::Text => "text".to_owned(),
                OptionKind::Choice(words) => words.join(" or "),
            };
            let of_client = client.iter().any(|other| other.name == spec.name);
            let of_server = server.iter().any(|other| other.name == spec.name);
            (spec.name, kind, spec.default, spec.doc, of_client, of_server)
        };
        super::option_specs().into_iter().map(row).collect()
    }
}
