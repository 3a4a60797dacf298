//! Clients.

use crate::announcement::fast_pick;
use crate::buf::fast_buf;
use crate::call::{call_settings, fast_call, fast_call_opts};
use crate::code::{self, fast_code};
use crate::config::{self, fast_config};
use crate::error::fast_error;
use crate::guard::{bytes, coded, free, made, object, output, terminated, text, texted};
use crate::queue::fast_queue;
use bytes::{Bytes, BytesMut};
use libfast_embed::{Client, Gathered};
use libfast_model::{Error, ErrorKind};
use std::cell::RefCell;
use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

/// A client of one service: finds its providers, keeps connections, balances calls.
pub struct fast_client(Arc<Client>);

/// A client of `target`: a service name, host:port[,host:port...], unix:/path, dir:///folder/service or
/// zk://host:port[,host:port...]/root/service. Returns at once; providers are found and connections made in the background.
/// NULL on failure.
///
/// # Safety
/// `target` is NULL or NUL-terminated; `config` is NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_client_new(
    target: *const c_char,
    config: *const fast_config,
    err: *mut *mut fast_error,
) -> *mut fast_client {
    // SAFETY: as documented.
    unsafe {
        made(err, || {
            let client = Client::new(terminated(target, "target")?, &config::of(config))?;
            Ok(Box::into_raw(Box::new(fast_client(Arc::new(client)))))
        })
    }
}

/// The process's client of that name, made if there is none; it outlives this handle. With another target or another config
/// than before, and in a forked child, a new client takes the place of the old one. For PHP workers. NULL on failure.
///
/// # Safety
/// As `fast_client_new()`; `name` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_client_named(
    name: *const c_char,
    target: *const c_char,
    config: *const fast_config,
    err: *mut *mut fast_error,
) -> *mut fast_client {
    // SAFETY: as documented.
    unsafe {
        made(err, || {
            let (name, target) = (terminated(name, "name")?, terminated(target, "target")?);
            let client = Client::named(name, target, &config::of(config))?;
            Ok(Box::into_raw(Box::new(fast_client(client))))
        })
    }
}

/// Waits until a provider is known and connected, at most `timeout_ms`.
///
/// # Safety
/// `client` is NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_client_ready(
    client: *mut fast_client,
    timeout_ms: i64,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            object(client, "client")?.0.ready(millis(timeout_ms))?;
            Ok(code::OK)
        })
    }
}

/// Calls a method and waits for all values. `args` is the JSON text of an array; NULL with length 0 is "[]". `*out` gets the
/// JSON text of the array of all values, to be released with `fast_buf_unref()`.
///
/// # Safety
/// `client` and `opts` are NULL or live; `method` and `args` are as all text; `out` and `err` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_client_call(
    client: *mut fast_client,
    method: *const c_char,
    method_len: usize,
    args: *const c_char,
    args_len: usize,
    opts: *const fast_call_opts,
    out: *mut *mut fast_buf,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            let client = object(client, "client")?;
            output(out, "out")?;
            let (settings, _) = call_settings(opts)?;
            let call =
                client.0.call(text(method, method_len, "method")?, arguments(args, args_len)?, &settings)?;
            let mut gathered = Gathered::new(u64::MAX);
            // Without a limit of its own the wait ends with the call.
            while !call.buffer(&mut gathered, None)? {}
            out.write(fast_buf::joined(&gathered.array_parts()));
            Ok(code::OK)
        })
    }
}

/// Calls a method, keeps its first `max_values` values and counts all: for programs that want to know what came before an
/// error, or how much there was, without holding it. `*values` gets the JSON text of the array of the values that were kept,
/// to be released with `fast_buf_unref()`, and `*count` how many came in all. Unlike other outputs both are written also on
/// failure (as "[]" and 0 if nothing came), unless one of them is NULL.
///
/// # Safety
/// As `fast_client_call()`; `values` and `count` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_client_call_buffered(
    client: *mut fast_client,
    method: *const c_char,
    method_len: usize,
    args: *const c_char,
    args_len: usize,
    opts: *const fast_call_opts,
    max_values: u64,
    values: *mut *mut fast_buf,
    count: *mut u64,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            output(values, "values")?;
            output(count, "count")?;
            let mut gathered = Gathered::new(max_values);
            let mut run = || {
                let client = object(client, "client")?;
                let (settings, _) = call_settings(opts)?;
                let (method, args) = (text(method, method_len, "method")?, arguments(args, args_len)?);
                let call = client.0.call(method, args, &settings)?;
                while !call.buffer(&mut gathered, None)? {}
                Ok(code::OK)
            };
            let ended = run();
            count.write(gathered.count());
            values.write(fast_buf::joined(&gathered.array_parts()));
            ended
        })
    }
}

/// Starts a call and returns at once; it is sent now if a connection is there, else when its queue is polled or its first value
/// is pulled. With a queue it completes there, as FAST_EV_DATA events and one FAST_EV_DONE, or as one
/// FAST_EV_DONE with all values if `opts` has FAST_CALL_COLLECT; a failure to start is a FAST_EV_DONE, too. With `queue` NULL
/// its values are pulled with `fast_call_next()`. `out` may be NULL if the call goes to a queue; otherwise `*out` is to be
/// freed with `fast_call_free()`.
///
/// # Safety
/// As `fast_client_call()`; `queue` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_client_start(
    client: *mut fast_client,
    queue: *mut fast_queue,
    tag: u64,
    method: *const c_char,
    method_len: usize,
    args: *const c_char,
    args_len: usize,
    opts: *const fast_call_opts,
    out: *mut *mut fast_call,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            let client = &object(client, "client")?.0;
            let (settings, collect) = call_settings(opts)?;
            let (method, args) = (text(method, method_len, "method")?, arguments(args, args_len)?);
            let call = if queue.is_null() {
                output(out, "out")?;
                fast_call::pulled(client.call(method, args, &settings)?)
            } else {
                let queue = object(queue, "queue")?.queue();
                fast_call::queued(client.start(queue, tag, method, args, &settings, collect)?)
            };
            if !out.is_null() {
                out.write(Box::into_raw(Box::new(call)));
            }
            Ok(code::OK)
        })
    }
}

/// Chooses an endpoint for a call over another protocol, waiting until providers are known, at most the option `timeout_ms`.
/// To be freed with `fast_pick_free()`. NULL on failure.
///
/// # Safety
/// `client` is NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_client_pick(
    client: *mut fast_client,
    err: *mut *mut fast_error,
) -> *mut fast_pick {
    // SAFETY: as documented.
    unsafe { made(err, || Ok(fast_pick::boxed(object(client, "client")?.0.pick()?))) }
}

/// Counters and endpoints as the JSON text of an object in `*out_json`, to be released with `fast_buf_unref()`.
///
/// # Safety
/// `client` is NULL or live; `out_json` and `err` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_client_stats(
    client: *mut fast_client,
    out_json: *mut *mut fast_buf,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe { texted(out_json, "out_json", err, || object(client, "client")?.0.stats()) }
}

/// Connections and requests as the JSON text of an object in `*out_json`, to be released with `fast_buf_unref()`: what a
/// program of node-fast shows at /kang/snapshot, without the service.
///
/// # Safety
/// `client` is NULL or live; `out_json` and `err` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_client_kang(
    client: *mut fast_client,
    out_json: *mut *mut fast_buf,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe { texted(out_json, "out_json", err, || object(client, "client")?.0.kang()) }
}

/// Refuses new calls (FAST_E_CLOSED), waits at most `drain_ms` for those under way, and ends those that are left with
/// FAST_E_CLOSED. All handles of the same client are closed.
///
/// # Safety
/// `client` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_client_close(client: *mut fast_client, drain_ms: i64) -> fast_code {
    // SAFETY: as documented; no error object is asked for.
    unsafe {
        coded(std::ptr::null_mut(), || {
            object(client, "client")?.0.close(millis(drain_ms))?;
            Ok(code::OK)
        })
    }
}

/// Frees a handle. The client ends with its last handle and its last call. Does not wait.
///
/// # Safety
/// `client` is NULL or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_client_free(client: *mut fast_client) {
    // SAFETY: as documented.
    unsafe { free(client) }
}

/// A time from C; a negative one is none.
pub(crate) fn millis(ms: i64) -> Duration {
    Duration::from_millis(ms.max(0) as u64)
}

/// # Safety
/// As `guard::bytes`.
unsafe fn arguments(args: *const c_char, len: usize) -> Result<Bytes, Error> {
    // SAFETY: passed on from the caller.
    let args = unsafe { bytes(args, len, "args") }?;
    if args.is_empty() {
        return Ok(Bytes::from_static(b"[]"));
    }
    if args.len() > u32::MAX as usize {
        return Err(Error::new(ErrorKind::TooLarge, format!("`args` has {} bytes", args.len())));
    }
    Ok(copied(args))
}

/// Where a thread copies the arguments of its calls, as far as they are short: several in one allocation, which lives as long as the longest of those calls.
const CHUNK: usize = 1024;
const SHORT: usize = 128;

thread_local! {
    static ARGUMENTS: RefCell<BytesMut> = RefCell::default();
}

fn copied(args: &[u8]) -> Bytes {
    let short = |chunk: &RefCell<BytesMut>| {
        let mut chunk = chunk.borrow_mut();
        if chunk.capacity() < args.len() {
            chunk.reserve(CHUNK);
        }
        chunk.extend_from_slice(args);
        chunk.split().freeze()
    };
    let copied = if args.len() > SHORT { None } else { ARGUMENTS.try_with(short).ok() };
    // Long, or the thread is ending.
    copied.unwrap_or_else(|| Bytes::copy_from_slice(args))
}
