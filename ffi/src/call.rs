//! Calls and their streams.

use crate::buf::fast_buf;
use crate::code::{self, fast_code};
use crate::error::fast_error;
use crate::guard::{coded, free, object, output, quiet, text};
use libfast_embed::{Affinity, CallSettings, Next, PullCall, QueuedCall};
use libfast_model::{Error, ErrorKind, Result};
use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

/// A call under way.
pub struct fast_call(Kind);

enum Kind {
    /// Its values are pulled.
    Pull(Box<PullCall>),
    /// It completes through a queue.
    Queued(Arc<QueuedCall>),
}

/// Flag of a call: it may be repeated although the server may have run it.
pub const FAST_CALL_IDEMPOTENT: u32 = 1;
/// Flag of a call: it may not, whatever the client's `idempotent` says.
pub const FAST_CALL_NOT_IDEMPOTENT: u32 = 4;
/// Flag of a call to a queue: all values come with FAST_EV_DONE, as one JSON array.
pub const FAST_CALL_COLLECT: u32 = 2;
/// Flag of a call: null values are dropped. Without a flag the client's `ignore_null_values` decides.
pub const FAST_CALL_IGNORE_NULL_VALUES: u32 = 8;
/// Flag of a call: a null value fails it with FAST_E_PROTOCOL, whatever the client's `ignore_null_values` says.
pub const FAST_CALL_REFUSE_NULL_VALUES: u32 = 16;
/// Flag of a call: if it is idempotent and takes long, it gets a second attempt, as the option `hedge` explains.
pub const FAST_CALL_HEDGE: u32 = 32;
/// Flag of a call: it gets none, whatever the client's `hedge` says.
pub const FAST_CALL_NO_HEDGE: u32 = 64;
/// Flag of a call: it waits for a provider, as the option `wait_for_ready` explains.
pub const FAST_CALL_WAIT_FOR_READY: u32 = 128;
/// Flag of a call: it fails if there is none, whatever the client's `wait_for_ready` says.
pub const FAST_CALL_FAIL_FAST: u32 = 256;
const ALL_FLAGS: u32 = FAST_CALL_IDEMPOTENT
    | FAST_CALL_NOT_IDEMPOTENT
    | FAST_CALL_COLLECT
    | FAST_CALL_IGNORE_NULL_VALUES
    | FAST_CALL_REFUSE_NULL_VALUES
    | FAST_CALL_HEDGE
    | FAST_CALL_NO_HEDGE
    | FAST_CALL_WAIT_FOR_READY
    | FAST_CALL_FAIL_FAST;

/// How one call differs from its client's options. Zero it and set `struct_size` to its size; members that a newer version of
/// the library adds behind the last one are taken for 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fast_call_opts {
    /// sizeof(fast_call_opts) as the caller knows it.
    pub struct_size: u32,
    /// FAST_CALL_... flags.
    pub flags: u32,
    /// Longest the call may take, in milliseconds; 0: as the client's `timeout_ms`, -1: no limit.
    pub timeout_ms: i64,
    /// Values handed to a queue before more are granted; 0: as the client's `window`.
    pub window: u32,
    /// How often it is repeated where that is safe; 0: as the client's `retries`, -1: never.
    pub retries: i32,
    /// What the call belongs to, as the option `affinity` explains, in UTF-8; NULL: as the client's option. Read before the
    /// function returns.
    pub affinity: *const c_char,
    /// Its length, or FAST_NTS.
    pub affinity_len: usize,
}

/// The settings and whether to collect.
///
/// # Safety
/// `opts` is NULL or points to `struct_size` readable bytes, and its texts are as all text.
pub(crate) unsafe fn call_settings(opts: *const fast_call_opts) -> Result<(CallSettings, bool)> {
    let mut settings = CallSettings::default();
    if opts.is_null() {
        return Ok((settings, false));
    }
    // SAFETY: at least the size is there.
    let size = unsafe { opts.cast::<u32>().read() } as usize;
    if !(size_of::<u32>()..=4096).contains(&size) {
        let message =
            format!("`struct_size` of the call's options is {size}; set it to sizeof(fast_call_opts)");
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let mut known = fast_call_opts {
        struct_size: 0,
        flags: 0,
        timeout_ms: 0,
        window: 0,
        retries: 0,
        affinity: std::ptr::null(),
        affinity_len: 0,
    };
    // SAFETY: the caller has `size` bytes, ours has its own size; the smaller of both is copied. Any bytes are valid
    // integers and pointers.
    unsafe {
        let bytes = size.min(size_of::<fast_call_opts>());
        std::ptr::copy_nonoverlapping(opts.cast::<u8>(), (&raw mut known).cast::<u8>(), bytes);
    }
    let invalid = |why: String| Err(refused(&why));
    match known.timeout_ms {
        0 => {}
        -1 => settings.timeout = Some(None),
        ms if ms > 0 => settings.timeout = Some(Some(Duration::from_millis(ms as u64))),
        ms => return invalid(format!("`timeout_ms` is {ms}; use -1 for no limit")),
    }
    match known.retries {
        0 => {}
        -1 => settings.retries = Some(0),
        retries if retries > 0 => settings.retries = Some(retries as u32),
        retries => return invalid(format!("`retries` is {retries}; use -1 for none")),
    }
    if known.flags & !FAST_CALL_COLLECT != 0 {
        known.choose(&mut settings)?;
    }
    if !known.affinity.is_null() {
        // SAFETY: passed on from the caller.
        settings.affinity =
            Some(Affinity::of(unsafe { text(known.affinity, known.affinity_len, "affinity") }?));
    }
    settings.window = (known.window > 0).then_some(known.window.into());
    Ok((settings, known.flags & FAST_CALL_COLLECT != 0))
}

impl fast_call_opts {
    /// What the flags say, beside how the values come.
    fn choose(&self, settings: &mut CallSettings) -> Result<()> {
        settings.idempotent =
            self.choice(FAST_CALL_IDEMPOTENT, FAST_CALL_NOT_IDEMPOTENT, "idempotent and not")?;
        settings.ignore_null_values = self.choice(
            FAST_CALL_IGNORE_NULL_VALUES,
            FAST_CALL_REFUSE_NULL_VALUES,
            "to ignore null values and to refuse them",
        )?;
        settings.hedge = self.choice(FAST_CALL_HEDGE, FAST_CALL_NO_HEDGE, "to hedge and not to")?;
        settings.wait_for_ready = self.choice(
            FAST_CALL_WAIT_FOR_READY,
            FAST_CALL_FAIL_FAST,
            "to wait for a provider and to fail fast",
        )?;
        if self.flags & !ALL_FLAGS != 0 {
            return Err(refused(&format!("`flags` has unknown bits: {:#x}", self.flags)));
        }
        Ok(())
    }

    /// What two flags say that exclude each other; `None` if neither is set.
    fn choice(&self, yes: u32, no: u32, both: &str) -> Result<Option<bool>> {
        match (self.flags & yes != 0, self.flags & no != 0) {
            (false, false) => Ok(None),
            (true, true) => Err(refused(&format!("`flags` say both {both}"))),
            (said, _) => Ok(Some(said)),
        }
    }
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("options of the call: {why}"))
}

/// Pulls the next value of a call that was started without a queue, waiting at most `timeout_ms` (-1: as long as the call may
/// take). FAST_OK: `*out` has the value's JSON text, to be released with `fast_buf_unref()`. FAST_END: there are no more.
/// FAST_AGAIN: nothing came in time; the call goes on. One thread at a time.
///
/// # Safety
/// `call` is NULL or live; `out` and `err` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_call_next(
    call: *mut fast_call,
    timeout_ms: i64,
    out: *mut *mut fast_buf,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            output(out, "out")?;
            let Kind::Pull(call) = &object(call, "call")?.0 else {
                let message = "the call completes through a queue; poll that instead";
                return Err(Error::new(ErrorKind::State, message));
            };
            let wait = (timeout_ms >= 0).then(|| Duration::from_millis(timeout_ms as u64));
            Ok(match call.next(wait)? {
                Next::Value(value) => {
                    out.write(fast_buf::new(&value));
                    code::OK
                }
                Next::End => code::END,
                Next::Again => code::AGAIN,
            })
        })
    }
}

/// Allows a queue to hand out `credits` more values of a call. Without effect on a call that is pulled.
///
/// # Safety
/// `call` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_call_grant(call: *mut fast_call, credits: u32) -> fast_code {
    // SAFETY: as documented; no error object is asked for.
    unsafe {
        coded(std::ptr::null_mut(), || {
            if let Kind::Queued(call) = &object(call, "call")?.0 {
                call.grant(credits.into());
            }
            Ok(code::OK)
        })
    }
}

/// Where the last attempt of a call went in `*endpoint` (host:port or unix:/path, empty if there was none), to be released with
/// `fast_buf_unref()`, and in `*attempts` how many there were. Of a call that was abandoned neither is known. Waits for a
/// `fast_call_next()` of another thread.
///
/// # Safety
/// `call` is NULL or live; `endpoint`, `attempts` and `err` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_call_way(
    call: *mut fast_call,
    endpoint: *mut *mut fast_buf,
    attempts: *mut u32,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            output(endpoint, "endpoint")?;
            output(attempts, "attempts")?;
            let way = match &object(call, "call")?.0 {
                Kind::Pull(call) => call.way()?,
                Kind::Queued(call) => call.way()?,
            };
            attempts.write(way.attempts());
            endpoint.write(fast_buf::new(way.endpoint().as_bytes()));
            Ok(code::OK)
        })
    }
}

/// Stops waiting. The server is not told and goes on. A call to a queue ends there with FAST_E_ABANDONED, unless it has ended.
///
/// # Safety
/// `call` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_call_abandon(call: *mut fast_call) -> fast_code {
    // SAFETY: as documented; no error object is asked for.
    unsafe {
        coded(std::ptr::null_mut(), || {
            object(call, "call")?.abandon();
            Ok(code::OK)
        })
    }
}

/// Abandons a call, if it has not ended, and frees it.
///
/// # Safety
/// `call` is NULL or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_call_free(call: *mut fast_call) {
    // SAFETY: as documented.
    unsafe {
        if let Some(call) = call.as_ref() {
            quiet((), || {
                call.abandon();
                Some(())
            });
        }
        free(call);
    }
}

impl fast_call {
    pub(crate) fn pulled(call: PullCall) -> Self {
        Self(Kind::Pull(Box::new(call)))
    }

    pub(crate) fn queued(call: Arc<QueuedCall>) -> Self {
        Self(Kind::Queued(call))
    }

    fn abandon(&self) {
        match &self.0 {
            Kind::Pull(call) => call.abandon(),
            Kind::Queued(call) => {
                call.abandon();
            }
        }
    }
}
