//! Servers.

use crate::announcement::state_name;
use crate::buf::fast_buf;
use crate::client::millis;
use crate::code::{self, fast_code};
use crate::config::{self, fast_config};
use crate::error::fast_error;
use crate::guard::{coded, free, made, object, quiet, text, texted};
use crate::queue::fast_queue;
use libfast_embed::Server;
use std::ffi::{CString, c_char};
use std::sync::OnceLock;
use std::time::Duration;

/// A server: its requests come through queues.
pub struct fast_server {
    server: Server,
    address: OnceLock<CString>,
}

/// A server with the options `listen`, `announce` and others of `config`. It does not listen yet. NULL on failure.
///
/// # Safety
/// `config` is NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_new(
    config: *const fast_config,
    err: *mut *mut fast_error,
) -> *mut fast_server {
    // SAFETY: as documented.
    unsafe {
        made(err, || {
            let server = Server::new(&config::of(config))?;
            Ok(Box::into_raw(Box::new(fast_server { server, address: OnceLock::new() })))
        })
    }
}

/// Adds a method: its requests become FAST_EV_REQUEST events of `queue` with this `tag`. FAST_E_STATE if it exists.
///
/// # Safety
/// `server` and `queue` are NULL or live; `method` is as all text; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_handle(
    server: *mut fast_server,
    method: *const c_char,
    method_len: usize,
    queue: *mut fast_queue,
    tag: u64,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            let (server, queue) = (object(server, "server")?, object(queue, "queue")?);
            server.server.handle(text(method, method_len, "method")?, queue.queue(), tag)?;
            Ok(code::OK)
        })
    }
}

/// Listens, and once connections are accepted announces the server if the option `announce` is set and `announce_at_start` is not
/// off. While its registry cannot be reached it serves all the same, and is listed when that answers.
///
/// # Safety
/// `server` is NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_start(server: *mut fast_server, err: *mut *mut fast_error) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            let server = object(server, "server")?;
            let address = server.server.start()?;
            // Starting succeeds once, so this does, too.
            let _ = server.address.set(CString::new(address).unwrap_or_default());
            Ok(code::OK)
        })
    }
}

/// The address listened on, with the port that was found for port 0; empty before the start. Lives as long as `server`.
///
/// # Safety
/// `server` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_address(server: *const fast_server) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || Some(unsafe { server.as_ref() }?.address.get()?.as_ptr()))
}

/// Announces a server that was started with the option `announce_at_start` off, now that it is ready for calls, and waits until
/// it is listed, or until it is known that its registry cannot be reached, at most 5 s; then it is listed when that answers. A second
/// time does nothing.
///
/// # Safety
/// `server` is NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_announce(
    server: *mut fast_server,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            object(server, "server")?.server.announce()?;
            Ok(code::OK)
        })
    }
}

/// Gives the server another share of calls: `weight` from 0 (no new calls) to 1000000, in place of the option of that name.
/// Returns when that is listed; before the server is announced, at once. FAST_E_REGISTRY: the registry did not acknowledge it;
/// it is made when the registry answers again.
///
/// # Safety
/// `server` is NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_set_weight(
    server: *mut fast_server,
    weight: u64,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            object(server, "server")?.server.set_weight(weight)?;
            Ok(code::OK)
        })
    }
}

/// Says something else of the server, in place of all that was said: text as of the option `metadata`, empty for nothing. Returns
/// and fails as `fast_server_set_weight()` does. FAST_E_INVALID changes nothing.
///
/// # Safety
/// `server` is NULL or live; `metadata` is as all text; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_set_metadata(
    server: *mut fast_server,
    metadata: *const c_char,
    metadata_len: usize,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            let metadata = text(metadata, metadata_len, "metadata")?;
            object(server, "server")?.server.set_metadata(metadata)?;
            Ok(code::OK)
        })
    }
}

/// How the server's entry in its registry is: "registered", "connecting", "suspended" (listed when last heard of), "lost", or
/// "closed" if there is none. Lives for ever.
///
/// # Safety
/// `server` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_announcement(server: *const fast_server) -> *const c_char {
    quiet(c"closed".as_ptr(), || {
        // SAFETY: as documented.
        let state = unsafe { server.as_ref() }?.server.announcement().ok()?;
        Some(state_name(state))
    })
}

/// `queue` gets a FAST_EV_ANNOUNCEMENT event with `tag` for each change of that from now on; call it before the start to hear all.
///
/// # Safety
/// `server` and `queue` are NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_watch_announcement(
    server: *mut fast_server,
    queue: *mut fast_queue,
    tag: u64,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            let (server, queue) = (object(server, "server")?, object(queue, "queue")?);
            server.server.watch_announcement(queue.queue(), tag)?;
            Ok(code::OK)
        })
    }
}

/// Tells clients and the registry, serves on while calls still come, and accepts no more connections. Those that
/// are open go on being served, until they end or `fast_server_stop()` is called. FAST_OK also if it does not listen.
///
/// # Safety
/// `server` is NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_stop_accepting(
    server: *mut fast_server,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            object(server, "server")?.server.stop_accepting()?;
            Ok(code::OK)
        })
    }
}

/// Waits until no connection is open, at most `timeout_ms` (0: not at all, -1: for ever). FAST_OK: none is. FAST_AGAIN: some are
/// still. Meant for after `fast_server_stop_accepting()`, since otherwise new ones may come at any time.
///
/// # Safety
/// `server` is NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_wait_connections_closed(
    server: *mut fast_server,
    timeout_ms: i64,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            let timeout = if timeout_ms < 0 { Duration::MAX } else { millis(timeout_ms) };
            let closed = object(server, "server")?.server.wait_connections_closed(timeout)?;
            Ok(if closed { code::OK } else { code::AGAIN })
        })
    }
}

/// Puts other rate limits in the place of those there are: text as of the option `rate_limits`, empty for none. Limits that stay
/// the same keep what they have counted. FAST_E_INVALID changes nothing.
///
/// # Safety
/// `server` is NULL or live; `limits` is as all text; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_set_rate_limits(
    server: *mut fast_server,
    limits: *const c_char,
    limits_len: usize,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            let limits = text(limits, limits_len, "limits")?;
            object(server, "server")?.server.set_rate_limits(limits)?;
            Ok(code::OK)
        })
    }
}

/// Does not serve a client for `time_ms`; 0 and less serve it again. `client` is an IP address (`unix`: all on Unix sockets) or
/// the client's option `client_name`. Its requests are refused with `FastKicked`, new connections from a kicked address are
/// closed at once; what runs goes on.
///
/// # Safety
/// `server` is NULL or live; `client` is as all text; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_kick(
    server: *mut fast_server,
    client: *const c_char,
    client_len: usize,
    time_ms: i64,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            let client = text(client, client_len, "client")?;
            object(server, "server")?.server.kick(client, millis(time_ms))?;
            Ok(code::OK)
        })
    }
}

/// Counters, connections and running requests as the JSON text of an object in `*out_json`, to be released with
/// `fast_buf_unref()`: what a program of node-fast shows at /kang/snapshot, without the service.
///
/// # Safety
/// `server` is NULL or live; `out_json` and `err` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_kang(
    server: *mut fast_server,
    out_json: *mut *mut fast_buf,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe { texted(out_json, "out_json", err, || object(server, "server")?.server.kang()) }
}

/// Stops so that no call is lost: tells clients and the registry, serves on while calls still come (at most the option
/// `drain_grace_ms`), accepts no more, and answers what runs. Takes at most `drain_ms` (-1: the option `drain_ms`) in all; what
/// runs then is cancelled. A further call, from any thread, returns when the first one is done. For SIGTERM: call it from the thread that
/// waited for the signal, never from a signal handler.
///
/// # Safety
/// `server` is NULL or live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_stop(
    server: *mut fast_server,
    drain_ms: i64,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            object(server, "server")?.server.stop((drain_ms >= 0).then(|| millis(drain_ms)))?;
            Ok(code::OK)
        })
    }
}

/// Stops at once, without draining, and frees. Does not wait.
///
/// # Safety
/// `server` is NULL or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_server_free(server: *mut fast_server) {
    // SAFETY: as documented.
    unsafe { free(server) }
}
