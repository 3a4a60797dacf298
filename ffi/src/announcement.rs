//! Announcing and picking for programs that speak another protocol.

use crate::code::{self, fast_code};
use crate::config::{self, fast_config};
use crate::error::fast_error;
use crate::guard::{coded, free, made, object, quiet, text};
use crate::queue::fast_queue;
use libfast_embed::{Announced, Picked};
use std::ffi::{CString, c_char};
use std::time::Duration;

/// An entry in a registry for a server of any protocol.
pub struct fast_announcement(Announced);

/// An endpoint that was chosen for a call over another protocol.
pub struct fast_pick {
    picked: Picked,
    endpoint: CString,
}

impl fast_pick {
    pub(crate) fn boxed(picked: Picked) -> *mut Self {
        let endpoint = CString::new(picked.endpoint()).unwrap_or_default();
        Box::into_raw(Box::new(Self { picked, endpoint }))
    }
}

/// Announces the address `advertise` under the target `announce`, two options of `config`, and waits until it is listed, or
/// until it is known that its registry cannot be reached, at most 5 s; then it is listed when that answers. It stays listed until it
/// is withdrawn or freed or the process ends. NULL on failure.
///
/// # Safety
/// `config` is NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_announcement_new(
    config: *const fast_config,
    err: *mut *mut fast_error,
) -> *mut fast_announcement {
    // SAFETY: as documented.
    unsafe {
        made(err, || Ok(Box::into_raw(Box::new(fast_announcement(Announced::new(&config::of(config))?)))))
    }
}

/// "registered", "connecting", "suspended" (listed when last heard of), "lost" or "closed". Lives for ever.
///
/// # Safety
/// `announcement` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_announcement_state(announcement: *const fast_announcement) -> *const c_char {
    quiet(c"closed".as_ptr(), || {
        // SAFETY: as documented.
        let state = unsafe { announcement.as_ref() }?.0.state().ok()?;
        Some(state_name(state))
    })
}

/// The text of a state, which lives for ever.
pub(crate) fn state_name(state: &str) -> *const c_char {
    let states = [c"registered", c"connecting", c"suspended", c"lost"];
    states.into_iter().find(|name| name.to_bytes() == state.as_bytes()).unwrap_or(c"closed").as_ptr()
}

/// `queue` gets a FAST_EV_ANNOUNCEMENT event with `tag` for each change of the state from now on; if it was withdrawn
/// already, one that says so.
///
/// # Safety
/// `announcement` and `queue` are NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_announcement_watch(
    announcement: *mut fast_announcement,
    queue: *mut fast_queue,
    tag: u64,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            let (announcement, queue) = (object(announcement, "announcement")?, object(queue, "queue")?);
            announcement.0.watch(queue.queue(), tag)?;
            Ok(code::OK)
        })
    }
}

/// Gives the entry another share of calls: `weight` from 0 (no new calls) to 1000000. Returns when that is listed.
/// FAST_E_REGISTRY, after 5 s at the latest: the registry did not acknowledge it; it is made when the registry answers again.
///
/// # Safety
/// `announcement` is NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_announcement_set_weight(
    announcement: *mut fast_announcement,
    weight: u64,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            object(announcement, "announcement")?.0.set_weight(weight)?;
            Ok(code::OK)
        })
    }
}

/// Says something else of the server, in place of all that was said: text as of the option `metadata`, empty for nothing. Returns
/// when that is listed. FAST_E_INVALID changes nothing.
///
/// # Safety
/// `announcement` is NULL or live; `metadata` is as all text; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_announcement_set_metadata(
    announcement: *mut fast_announcement,
    metadata: *const c_char,
    metadata_len: usize,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            let metadata = text(metadata, metadata_len, "metadata")?;
            object(announcement, "announcement")?.0.set_metadata(metadata)?;
            Ok(code::OK)
        })
    }
}

/// Says that the server drains, gives clients a quarter of a second to hear it, takes the entry off and waits until the registry
/// acknowledged that. Serve meanwhile. A second time does nothing.
///
/// # Safety
/// `announcement` is NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_announcement_withdraw(
    announcement: *mut fast_announcement,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            object(announcement, "announcement")?.0.withdraw()?;
            Ok(code::OK)
        })
    }
}

/// Takes the entry off in the background and frees the handle.
///
/// # Safety
/// `announcement` is NULL or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_announcement_free(announcement: *mut fast_announcement) {
    // SAFETY: as documented.
    unsafe { free(announcement) }
}

/// The address, host:port or unix:/path. Lives as long as `pick`.
///
/// # Safety
/// `pick` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_pick_endpoint(pick: *const fast_pick) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { pick.as_ref() }.map(|pick| pick.endpoint.as_ptr()))
}

/// Tells how the call went: its latency in microseconds, and whether the endpoint did its part. A second report is FAST_E_STATE.
///
/// # Safety
/// `pick` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_pick_report(pick: *mut fast_pick, latency_us: i64, ok: bool) -> fast_code {
    // SAFETY: as documented; no error object is asked for.
    unsafe {
        coded(std::ptr::null_mut(), || {
            object(pick, "pick")?.picked.report(Duration::from_micros(latency_us.max(0) as u64), ok)?;
            Ok(code::OK)
        })
    }
}

/// Frees a pick. Without a report before, it says nothing about the endpoint.
///
/// # Safety
/// `pick` is NULL or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_pick_free(pick: *mut fast_pick) {
    // SAFETY: as documented.
    unsafe { free(pick) }
}
