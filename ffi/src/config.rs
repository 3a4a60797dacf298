//! Options by name.

use crate::code::{self, fast_code};
use crate::error::fast_error;
use crate::guard::{coded, free, null, object, quiet, terminated};
use libfast_embed::Config;
use std::ffi::c_char;
use std::sync::{Mutex, PoisonError};

/// Options by name. Not consumed by the functions that take it; NULL stands for all defaults.
pub struct fast_config(Mutex<Config>);

/// The options of a config that may be NULL.
///
/// # Safety
/// `config` is NULL or live.
pub(crate) unsafe fn of(config: *const fast_config) -> Config {
    // SAFETY: passed on from the caller.
    let config = unsafe { config.as_ref() };
    config.map_or_else(Config::default, |c| c.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

/// A config with all defaults.
#[unsafe(no_mangle)]
pub extern "C" fn fast_config_new() -> *mut fast_config {
    quiet(std::ptr::null_mut(), || Some(Box::into_raw(Box::new(fast_config(Mutex::default())))))
}

/// Sets an option from text; `fast_config_keys()` lists them. An unknown key or a bad value is FAST_E_INVALID.
///
/// # Safety
/// `config` is NULL or live; `key` and `value` are NULL or NUL-terminated; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_config_set(
    config: *mut fast_config,
    key: *const c_char,
    value: *const c_char,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            let config = object(config, "config")?;
            if key.is_null() {
                return Err(null("key"));
            }
            let (key, value) = (terminated(key, "key")?, terminated(value, "value")?);
            config.0.lock().unwrap_or_else(PoisonError::into_inner).set(key, value)?;
            Ok(code::OK)
        })
    }
}

/// As `fast_config_set()`, for numbers and flags (0 or 1).
///
/// # Safety
/// As `fast_config_set()`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_config_set_int(
    config: *mut fast_config,
    key: *const c_char,
    value: i64,
    err: *mut *mut fast_error,
) -> fast_code {
    let text = format!("{value}\0");
    // SAFETY: as documented; `text` ends with a NUL and lives to the end of the call.
    unsafe { fast_config_set(config, key, text.as_ptr().cast(), err) }
}

/// Frees a config.
///
/// # Safety
/// `config` is NULL or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_config_free(config: *mut fast_config) {
    // SAFETY: as documented.
    unsafe { free(config) }
}
