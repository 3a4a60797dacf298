//! The library as a whole.

use crate::buf::fast_buf;
use crate::code::{self, fast_code};
use crate::dispatcher::is_dispatcher;
use crate::error::fast_error;
use crate::guard::{coded, quiet, texted};
use libfast_model::{Error, ErrorKind, OptionKind, VERSION, option_specs};
use std::ffi::{CStr, CString, c_char};
use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

/// The version of the library in use, as major << 16 | minor << 8 | patch, to compare with FAST_VERSION_NUM.
#[unsafe(no_mangle)]
pub extern "C" fn fast_version() -> u32 {
    VERSION.split('.').filter_map(|part| part.parse::<u32>().ok()).fold(0, |number, part| number << 8 | part)
}

/// The version as text. Lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn fast_version_str() -> *const c_char {
    static TEXT: OnceLock<CString> = OnceLock::new();
    TEXT.get_or_init(|| CString::new(VERSION).unwrap_or_default()).as_ptr()
}

/// Whether the library has a feature: "zookeeper". False for NULL and unknown names.
///
/// # Safety
/// `name` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_has_feature(name: *const c_char) -> bool {
    // SAFETY: as documented.
    !name.is_null() && cfg!(feature = "zookeeper") && unsafe { CStr::from_ptr(name) } == c"zookeeper"
}

/// The name of a code, such as "FAST_E_TIMEOUT"; "unknown" for a number that is none. Lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn fast_code_name(code: fast_code) -> *const c_char {
    static NAMES: OnceLock<Vec<(fast_code, CString)>> = OnceLock::new();
    quiet(c"unknown".as_ptr(), || {
        let names = NAMES.get_or_init(|| {
            let all =
                (i32::from(i8::MIN)..=i32::from(i8::MAX)).filter_map(|code| Some((code, code::name(code)?)));
            all.map(|(code, name)| (code, CString::new(name).unwrap_or_default())).collect()
        });
        names.iter().find(|(known, _)| *known == code).map(|(_, name)| name.as_ptr())
    })
}

/// Every option as a JSON array of objects with `name`, `type` (flag, integer, text, choice), `default`, `min`, `max`,
/// `choices` and `doc`. Lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn fast_config_keys() -> *const c_char {
    static TEXT: OnceLock<CString> = OnceLock::new();
    quiet(c"[]".as_ptr(), || {
        Some(TEXT.get_or_init(|| CString::new(describe_options()).unwrap_or_default()).as_ptr())
    })
}

/// The current numbers of all clients and servers of the process in `*out_text`, to be released with `fast_buf_unref()`:
/// Prometheus' text format, version 0.0.4, to be served as `text/plain; version=0.0.4`. docs/METRICS.md lists them. A forked
/// child begins at nothing.
///
/// # Safety
/// `out_text` and `err` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_metrics_text(
    out_text: *mut *mut fast_buf,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe { texted(out_text, "out_text", err, || Ok(libfast_embed::metrics_text())) }
}

/// Ends all work, joins the library's threads and waits for them at most `timeout_ms`, for leak checkers and orderly exits.
/// Objects made before are FAST_E_CLOSED afterwards and still to be freed; new ones work. Dispatcher threads end when their
/// callbacks have returned. FAST_E_DEADLOCK on a thread of the library.
#[unsafe(no_mangle)]
pub extern "C" fn fast_shutdown(timeout_ms: i64) -> fast_code {
    let timeout = Duration::from_millis(timeout_ms.max(0) as u64);
    // SAFETY: no error object is asked for.
    unsafe {
        coded(std::ptr::null_mut(), || {
            if is_dispatcher() {
                return Err(Error::new(
                    ErrorKind::Deadlock,
                    "fast_shutdown() was called on a thread of libfast",
                ));
            }
            libfast_embed::shutdown(timeout).map(|()| code::OK)
        })
    }
}

/// A number that differs between a process and its forked children. Objects made before a fork are FAST_E_FORKED in the
/// child.
#[unsafe(no_mangle)]
pub extern "C" fn fast_fork_generation() -> u64 {
    libfast_embed::fork_generation()
}

fn describe_options() -> String {
    let mut json = String::new();
    for spec in option_specs() {
        let separator = if json.is_empty() { '[' } else { ',' };
        let kind = match spec.kind {
            OptionKind::Flag => r#""type":"flag""#.to_owned(),
            OptionKind::Text => r#""type":"text""#.to_owned(),
            OptionKind::Integer { min, max } => format!(r#""type":"integer","min":{min},"max":{max}"#),
            OptionKind::IntegerOr { words, min, max } => {
                format!(r#""type":"integer","min":{min},"max":{max},"choices":{words:?}"#)
            }
            OptionKind::Choice(words) => format!(r#""type":"choice","choices":{words:?}"#),
        };
        // Names, defaults and texts are this library's own, without anything that JSON and Rust write differently.
        let _ = write!(
            json,
            r#"{separator}{{"name":"{}",{kind},"default":{:?},"doc":{:?}}}"#,
            spec.name, spec.default, spec.doc
        );
    }
    json.push(']');
    json
}
