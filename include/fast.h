/* libfast: balanced calls between programs in many languages.
 *
 * Generated from ffi/ and core/model by core/codegen; do not edit.
 *
 * Conventions: fast_X_new makes, fast_X_free frees, and freeing NULL does nothing; objects may be freed in any order. Every
 * pointer is checked. Text is UTF-8, given as pointer and length; the length FAST_NTS means that it ends with a NUL, and NULL
 * with length 0 is the empty text. Bytes are copied before a function returns. A result is 0 or positive on success and
 * a negative FAST_E_ code on failure; then nothing has changed, and no output but the error is written. Pass NULL for `err`
 * to get no error object. Every function may be called from any thread unless its documentation says otherwise. No code of
 * the program runs on a thread of the library, except callbacks given to fast_queue_dispatch(). After a fork, objects of
 * the parent are FAST_E_FORKED in the child.
 */

#ifndef FAST_H
#define FAST_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#define FAST_VERSION_MAJOR 0
#define FAST_VERSION_MINOR 1
#define FAST_VERSION_PATCH 0
/* Length argument of text that ends with a NUL. */
#define FAST_NTS ((size_t)-1)
#define FAST_VERSION_NUM ((FAST_VERSION_MAJOR << 16) | (FAST_VERSION_MINOR << 8) | FAST_VERSION_PATCH)

enum {
  /* success */
  FAST_OK = 0,
  /* there is nothing more */
  FAST_END = 1,
  /* nothing yet, or not now: try again */
  FAST_AGAIN = 2,
  /* An argument, option or target is malformed. Correct the value that the message names. */
  FAST_E_INVALID = -1,
  /* A pointer that must not be NULL is NULL. Pass the object that the message names; check that its creation succeeded. */
  FAST_E_NULL = -2,
  /* The call's time ran out before its last message. Raise `timeout_ms`, or find out why the method is slow. */
  FAST_E_TIMEOUT = -3,
  /* The caller stopped waiting; the server may go on. Nothing: the program asked for it. */
  FAST_E_ABANDONED = -4,
  /* The client, server or request was closed before. Use an object only until it is closed. */
  FAST_E_CLOSED = -5,
  /* No connection could be made. Check the address in the message and that a server listens there. */
  FAST_E_CONNECT = -6,
  /* The connection broke while the call was running. Mark the call `idempotent` if repeating it is harmless; look at the server. */
  FAST_E_CONN_LOST = -7,
  /* The service has no provider. Start a server that announces the service, or correct the target. */
  FAST_E_NO_ENDPOINT = -8,
  /* The server answered with an error. Read the remote name, message and info. */
  FAST_E_REMOTE = -9,
  /* The peer sent something that is not Fast. Check that the address belongs to a Fast server and that nothing in between changes bytes. */
  FAST_E_PROTOCOL = -10,
  /* A message is larger than allowed. Send less, or raise `max_frame_bytes` on both sides. */
  FAST_E_TOO_LARGE = -11,
  /* A bounded queue is full; nothing was run. Retry later, add servers, or raise the bound that the message names. */
  FAST_E_OVERLOAD = -12,
  /* The object was made before fork() and is used in the child. Make clients and servers after the fork. */
  FAST_E_FORKED = -13,
  /* A blocking function was called where it would wait for itself. Call it from a thread of your own, not from a dispatcher of the same queue. */
  FAST_E_DEADLOCK = -14,
  /* The call is not allowed in this state, such as a second end of one request. End each request once; start each server once. */
  FAST_E_STATE = -15,
  /* A wait was interrupted by a signal handler of the host. Repeat the wait or give up. */
  FAST_E_INTERRUPTED = -16,
  /* The registry refused or cannot be reached. Check the folder or the ZooKeeper address that the message names, and the permissions. */
  FAST_E_REGISTRY = -17,
  /* The system has no memory or descriptors left. Raise the limits, or hold fewer objects at once. */
  FAST_E_NOMEM = -18,
  /* This build or platform does not have the feature. Use a build with the feature that the message names. */
  FAST_E_UNSUPPORTED = -19,
  /* A defect in libfast, or in the interceptor that the message names; the call failed, the process is intact. Report it with the message, or mend the interceptor. */
  FAST_E_PANIC = -99,
};

/**
 * Flag of a call: it may be repeated although the server may have run it.
 */
#define FAST_CALL_IDEMPOTENT 1

/**
 * Flag of a call: it may not, whatever the client's `idempotent` says.
 */
#define FAST_CALL_NOT_IDEMPOTENT 4

/**
 * Flag of a call to a queue: all values come with FAST_EV_DONE, as one JSON array.
 */
#define FAST_CALL_COLLECT 2

/**
 * Flag of a call: null values are dropped. Without a flag the client's `ignore_null_values` decides.
 */
#define FAST_CALL_IGNORE_NULL_VALUES 8

/**
 * Flag of a call: a null value fails it with FAST_E_PROTOCOL, whatever the client's `ignore_null_values` says.
 */
#define FAST_CALL_REFUSE_NULL_VALUES 16

/**
 * Flag of a call: if it is idempotent and takes long, it gets a second attempt, as the option `hedge` explains.
 */
#define FAST_CALL_HEDGE 32

/**
 * Flag of a call: it gets none, whatever the client's `hedge` says.
 */
#define FAST_CALL_NO_HEDGE 64

/**
 * Flag of a call: it waits for a provider, as the option `wait_for_ready` explains.
 */
#define FAST_CALL_WAIT_FOR_READY 128

/**
 * Flag of a call: it fails if there is none, whatever the client's `wait_for_ready` says.
 */
#define FAST_CALL_FAIL_FAST 256

/**
 * A value of a call; `data` has its JSON text.
 */
#define FAST_EV_DATA 1

/**
 * A call is over: `code` and `error` tell how. With FAST_CALL_COLLECT `data` has the JSON array of its values.
 */
#define FAST_EV_DONE 2

/**
 * A request to be answered. It is freed with the event unless `request` is set to NULL, which keeps it.
 */
#define FAST_EV_REQUEST 3

/**
 * Nobody waits for the answer of request `id` any more.
 */
#define FAST_EV_CANCELLED 4

/**
 * More values of request `id` can be sent.
 */
#define FAST_EV_WRITABLE 5

/**
 * `fast_queue_wake()` was called.
 */
#define FAST_EV_WAKE 6

/**
 * The entry of a server or an announcement in its registry is in another state: `data` has its name, and `code` and `error` tell
 * why it is not listed. For who asked with `fast_server_watch_announcement()` or `fast_announcement_watch()`.
 */
#define FAST_EV_ANNOUNCEMENT 7



/**
 * An entry in a registry for a server of any protocol.
 */
typedef struct fast_announcement fast_announcement;

/**
 * Immutable bytes, counted by references. A NUL follows them that is not counted in their length.
 */
typedef struct fast_buf fast_buf;

/**
 * A call under way.
 */
typedef struct fast_call fast_call;

/**
 * A client of one service: finds its providers, keeps connections, balances calls.
 */
typedef struct fast_client fast_client;

/**
 * Options by name. Not consumed by the functions that take it; NULL stands for all defaults.
 */
typedef struct fast_config fast_config;

/**
 * Why a function failed. Owned by whoever got it; free it with `fast_error_free()`. May be read on any thread.
 */
typedef struct fast_error fast_error;

/**
 * An endpoint that was chosen for a call over another protocol.
 */
typedef struct fast_pick fast_pick;

/**
 * Where completions and requests wait until the program takes them. One per event loop or polling thread.
 */
typedef struct fast_queue fast_queue;

/**
 * A request to be answered with any number of values and exactly one end or failure, from any thread, at any time.
 */
typedef struct fast_request fast_request;

/**
 * A server: its requests come through queues.
 */
typedef struct fast_server fast_server;

/**
 * 0 or positive: success. Negative: one of the `FAST_E_` codes.
 */
typedef int32_t fast_code;

/**
 * How one call differs from its client's options. Zero it and set `struct_size` to its size; members that a newer version of
 * the library adds behind the last one are taken for 0.
 */
typedef struct fast_call_opts {
  /**
   * sizeof(fast_call_opts) as the caller knows it.
   */
  uint32_t struct_size;
  /**
   * FAST_CALL_... flags.
   */
  uint32_t flags;
  /**
   * Longest the call may take, in milliseconds; 0: as the client's `timeout_ms`, -1: no limit.
   */
  int64_t timeout_ms;
  /**
   * Values handed to a queue before more are granted; 0: as the client's `window`.
   */
  uint32_t window;
  /**
   * How often it is repeated where that is safe; 0: as the client's `retries`, -1: never.
   */
  int32_t retries;
  /**
   * What the call belongs to, as the option `affinity` explains, in UTF-8; NULL: as the client's option. Read before the
   * function returns.
   */
  const char *affinity;
  /**
   * Its length, or FAST_NTS.
   */
  size_t affinity_len;
} fast_call_opts;

/**
 * Something that happened. Release it with `fast_events_release()`. Frozen for the soname libfast.so.1.
 */
typedef struct fast_event {
  /**
   * FAST_EV_...
   */
  int32_t kind;
  /**
   * FAST_EV_DONE, FAST_EV_ANNOUNCEMENT: FAST_OK or why it failed.
   */
  fast_code code;
  /**
   * What the program gave when it started the call or added the method.
   */
  uint64_t tag;
  /**
   * The request's id, for the events about requests.
   */
  uint64_t id;
  /**
   * Bytes of `buf`, followed by a NUL.
   */
  const char *data;
  /**
   * Their number.
   */
  size_t len;
  /**
   * Owned by the event; take a reference to keep it.
   */
  struct fast_buf *buf;
  /**
   * Owned by the event; NULL if there is none.
   */
  struct fast_error *error;
  /**
   * Owned by the event.
   */
  struct fast_request *request;
  /**
   * For later versions.
   */
  uint64_t reserved[2];
} fast_event;

/**
 * Called for every event, on a dispatcher thread.
 */
typedef void (*fast_event_fn)(void *user_data, struct fast_event *event);

/**
 * Called once with the user data, after its last use, from any thread.
 */
typedef void (*fast_free_fn)(void *user_data);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Announces the address `advertise` under the target `announce`, two options of `config`, and waits until it is listed, or
 * until it is known that its registry cannot be reached, at most 5 s; then it is listed when that answers. It stays listed until it
 * is withdrawn or freed or the process ends. NULL on failure.
 */
struct fast_announcement *fast_announcement_new(const struct fast_config *config,
                                                struct fast_error **err);

/**
 * "registered", "connecting", "suspended" (listed when last heard of), "lost" or "closed". Lives for ever.
 */
const char *fast_announcement_state(const struct fast_announcement *announcement);

/**
 * `queue` gets a FAST_EV_ANNOUNCEMENT event with `tag` for each change of the state from now on; if it was withdrawn
 * already, one that says so.
 */
fast_code fast_announcement_watch(struct fast_announcement *announcement,
                                  struct fast_queue *queue,
                                  uint64_t tag,
                                  struct fast_error **err);

/**
 * Gives the entry another share of calls: `weight` from 0 (no new calls) to 1000000. Returns when that is listed.
 * FAST_E_REGISTRY, after 5 s at the latest: the registry did not acknowledge it; it is made when the registry answers again.
 */
fast_code fast_announcement_set_weight(struct fast_announcement *announcement,
                                       uint64_t weight,
                                       struct fast_error **err);

/**
 * Says something else of the server, in place of all that was said: text as of the option `metadata`, empty for nothing. Returns
 * when that is listed. FAST_E_INVALID changes nothing.
 */
fast_code fast_announcement_set_metadata(struct fast_announcement *announcement,
                                         const char *metadata,
                                         size_t metadata_len,
                                         struct fast_error **err);

/**
 * Says that the server drains, gives clients a quarter of a second to hear it, takes the entry off and waits until the registry
 * acknowledged that. Serve meanwhile. A second time does nothing.
 */
fast_code fast_announcement_withdraw(struct fast_announcement *announcement,
                                     struct fast_error **err);

/**
 * Takes the entry off in the background and frees the handle.
 */
void fast_announcement_free(struct fast_announcement *announcement);

/**
 * The address, host:port or unix:/path. Lives as long as `pick`.
 */
const char *fast_pick_endpoint(const struct fast_pick *pick);

/**
 * Tells how the call went: its latency in microseconds, and whether the endpoint did its part. A second report is FAST_E_STATE.
 */
fast_code fast_pick_report(struct fast_pick *pick,
                           int64_t latency_us,
                           bool ok);

/**
 * Frees a pick. Without a report before, it says nothing about the endpoint.
 */
void fast_pick_free(struct fast_pick *pick);

/**
 * The bytes; NULL if `buf` is NULL. Live as long as a reference to `buf`.
 */
const char *fast_buf_data(const struct fast_buf *buf);

/**
 * Their number; 0 if `buf` is NULL.
 */
size_t fast_buf_len(const struct fast_buf *buf);

/**
 * One more reference; returns `buf`.
 */
struct fast_buf *fast_buf_ref(struct fast_buf *buf);

/**
 * One reference less; the last one frees the bytes.
 */
void fast_buf_unref(struct fast_buf *buf);

/**
 * Pulls the next value of a call that was started without a queue, waiting at most `timeout_ms` (-1: as long as the call may
 * take). FAST_OK: `*out` has the value's JSON text, to be released with `fast_buf_unref()`. FAST_END: there are no more.
 * FAST_AGAIN: nothing came in time; the call goes on. One thread at a time.
 */
fast_code fast_call_next(struct fast_call *call,
                         int64_t timeout_ms,
                         struct fast_buf **out,
                         struct fast_error **err);

/**
 * Allows a queue to hand out `credits` more values of a call. Without effect on a call that is pulled.
 */
fast_code fast_call_grant(struct fast_call *call, uint32_t credits);

/**
 * Where the last attempt of a call went in `*endpoint` (host:port or unix:/path, empty if there was none), to be released with
 * `fast_buf_unref()`, and in `*attempts` how many there were. Of a call that was abandoned neither is known. Waits for a
 * `fast_call_next()` of another thread.
 */
fast_code fast_call_way(struct fast_call *call,
                        struct fast_buf **endpoint,
                        uint32_t *attempts,
                        struct fast_error **err);

/**
 * Stops waiting. The server is not told and goes on. A call to a queue ends there with FAST_E_ABANDONED, unless it has ended.
 */
fast_code fast_call_abandon(struct fast_call *call);

/**
 * Abandons a call, if it has not ended, and frees it.
 */
void fast_call_free(struct fast_call *call);

/**
 * A client of `target`: a service name, host:port[,host:port...], unix:/path, dir:///folder/service or
 * zk://host:port[,host:port...]/root/service. Returns at once; providers are found and connections made in the background.
 * NULL on failure.
 */
struct fast_client *fast_client_new(const char *target,
                                    const struct fast_config *config,
                                    struct fast_error **err);

/**
 * The process's client of that name, made if there is none; it outlives this handle. With another target or another config
 * than before, and in a forked child, a new client takes the place of the old one. For PHP workers. NULL on failure.
 */
struct fast_client *fast_client_named(const char *name,
                                      const char *target,
                                      const struct fast_config *config,
                                      struct fast_error **err);

/**
 * Waits until a provider is known and connected, at most `timeout_ms`.
 */
fast_code fast_client_ready(struct fast_client *client, int64_t timeout_ms, struct fast_error **err);

/**
 * Calls a method and waits for all values. `args` is the JSON text of an array; NULL with length 0 is "[]". `*out` gets the
 * JSON text of the array of all values, to be released with `fast_buf_unref()`.
 */
fast_code fast_client_call(struct fast_client *client,
                           const char *method,
                           size_t method_len,
                           const char *args,
                           size_t args_len,
                           const struct fast_call_opts *opts,
                           struct fast_buf **out,
                           struct fast_error **err);

/**
 * Calls a method, keeps its first `max_values` values and counts all: for programs that want to know what came before an
 * error, or how much there was, without holding it. `*values` gets the JSON text of the array of the values that were kept,
 * to be released with `fast_buf_unref()`, and `*count` how many came in all. Unlike other outputs both are written also on
 * failure (as "[]" and 0 if nothing came), unless one of them is NULL.
 */
fast_code fast_client_call_buffered(struct fast_client *client,
                                    const char *method,
                                    size_t method_len,
                                    const char *args,
                                    size_t args_len,
                                    const struct fast_call_opts *opts,
                                    uint64_t max_values,
                                    struct fast_buf **values,
                                    uint64_t *count,
                                    struct fast_error **err);

/**
 * Starts a call and returns at once; it is sent now if a connection is there, else when its queue is polled or its first value
 * is pulled. With a queue it completes there, as FAST_EV_DATA events and one FAST_EV_DONE, or as one
 * FAST_EV_DONE with all values if `opts` has FAST_CALL_COLLECT; a failure to start is a FAST_EV_DONE, too. With `queue` NULL
 * its values are pulled with `fast_call_next()`. `out` may be NULL if the call goes to a queue; otherwise `*out` is to be
 * freed with `fast_call_free()`.
 */
fast_code fast_client_start(struct fast_client *client,
                            struct fast_queue *queue,
                            uint64_t tag,
                            const char *method,
                            size_t method_len,
                            const char *args,
                            size_t args_len,
                            const struct fast_call_opts *opts,
                            struct fast_call **out,
                            struct fast_error **err);

/**
 * Chooses an endpoint for a call over another protocol, waiting until providers are known, at most the option `timeout_ms`.
 * To be freed with `fast_pick_free()`. NULL on failure.
 */
struct fast_pick *fast_client_pick(struct fast_client *client,
                                   struct fast_error **err);

/**
 * Counters and endpoints as the JSON text of an object in `*out_json`, to be released with `fast_buf_unref()`.
 */
fast_code fast_client_stats(struct fast_client *client,
                            struct fast_buf **out_json,
                            struct fast_error **err);

/**
 * Connections and requests as the JSON text of an object in `*out_json`, to be released with `fast_buf_unref()`: what a
 * program of node-fast shows at /kang/snapshot, without the service.
 */
fast_code fast_client_kang(struct fast_client *client,
                           struct fast_buf **out_json,
                           struct fast_error **err);

/**
 * Refuses new calls (FAST_E_CLOSED), waits at most `drain_ms` for those under way, and ends those that are left with
 * FAST_E_CLOSED. All handles of the same client are closed.
 */
fast_code fast_client_close(struct fast_client *client,
                            int64_t drain_ms);

/**
 * Frees a handle. The client ends with its last handle and its last call. Does not wait.
 */
void fast_client_free(struct fast_client *client);

/**
 * A config with all defaults.
 */
struct fast_config *fast_config_new(void);

/**
 * Sets an option from text; `fast_config_keys()` lists them. An unknown key or a bad value is FAST_E_INVALID.
 */
fast_code fast_config_set(struct fast_config *config,
                          const char *key,
                          const char *value,
                          struct fast_error **err);

/**
 * As `fast_config_set()`, for numbers and flags (0 or 1).
 */
fast_code fast_config_set_int(struct fast_config *config,
                              const char *key,
                              int64_t value,
                              struct fast_error **err);

/**
 * Frees a config.
 */
void fast_config_free(struct fast_config *config);

/**
 * The code, negative; 0 if `error` is NULL.
 */
fast_code fast_error_code(const struct fast_error *error);

/**
 * What, where, why and what to do: one line of UTF-8. Lives as long as `error`; empty if that is NULL.
 */
const char *fast_error_message(const struct fast_error *error);

/**
 * What the failure of a call goes back to, by the name that node-fast gives to the cause: "FastServerError" (the server
 * answered with an error), "TimeoutError", "FastRequestAbandonedError", "FastTransportError" (no connection, or it broke, or
 * the client was closed) or "FastProtocolError". Empty for what is no failure of a call, such as a wrong argument. Lives as
 * long as `error`.
 */
const char *fast_error_cause_name(const struct fast_error *error);

/**
 * Everything known about the failure of a call besides its message, as the JSON text of an object: the server's info, if it was
 * the server's error; what the protocol found (`fastReason` and more); `timeout` in milliseconds; always `rpcMethod`, and, if
 * the request got an id, `rpcMsgid`. Empty for what is no failure of a call. Lives as long as `error`.
 */
const char *fast_error_merged_info(const struct fast_error *error);

/**
 * The name of the server's error, with FAST_E_REMOTE and if the server refused with FAST_E_OVERLOAD; else empty. Lives as long as `error`.
 */
const char *fast_error_remote_name(const struct fast_error *error);

/**
 * The message of the server's error, verbatim; empty if the server sent none. Lives as long as `error`.
 */
const char *fast_error_remote_message(const struct fast_error *error);

/**
 * The info of the server's error as the JSON text of an object; empty if there is none. Lives as long as `error`.
 */
const char *fast_error_remote_info(const struct fast_error *error);

/**
 * The member `context` of the server's error, in which older servers put what newer ones put into the info: JSON text of any kind
 * of value, empty if there is none. Most servers send `{}` for nothing. Lives as long as `error`.
 */
const char *fast_error_remote_context(const struct fast_error *error);

/**
 * The member `ase_errors` of the server's error, usually an array of errors behind it: JSON text of any kind of value, empty if
 * there is none. Lives as long as `error`.
 */
const char *fast_error_remote_ase_errors(const struct fast_error *error);

/**
 * Where it happened, as host:port or unix:/path, or empty. Lives as long as `error`.
 */
const char *fast_error_endpoint(const struct fast_error *error);

/**
 * True if repeating the call cannot run it twice and could succeed.
 */
bool fast_error_retriable(const struct fast_error *error);

/**
 * Frees an error.
 */
void fast_error_free(struct fast_error *error);

/**
 * Releases what `n` events own. A request that is still in its event and was not answered fails as HandlerDropped.
 */
void fast_events_release(struct fast_event *events,
                         size_t n);

/**
 * The version of the library in use, as major << 16 | minor << 8 | patch, to compare with FAST_VERSION_NUM.
 */
uint32_t fast_version(void);

/**
 * The version as text. Lives for ever.
 */
const char *fast_version_str(void);

/**
 * Whether the library has a feature: "zookeeper". False for NULL and unknown names.
 */
bool fast_has_feature(const char *name);

/**
 * The name of a code, such as "FAST_E_TIMEOUT"; "unknown" for a number that is none. Lives for ever.
 */
const char *fast_code_name(fast_code code);

/**
 * Every option as a JSON array of objects with `name`, `type` (flag, integer, text, choice), `default`, `min`, `max`,
 * `choices` and `doc`. Lives for ever.
 */
const char *fast_config_keys(void);

/**
 * The current numbers of all clients and servers of the process in `*out_text`, to be released with `fast_buf_unref()`:
 * Prometheus' text format, version 0.0.4, to be served as `text/plain; version=0.0.4`. docs/METRICS.md lists them. A forked
 * child begins at nothing.
 */
fast_code fast_metrics_text(struct fast_buf **out_text,
                            struct fast_error **err);

/**
 * Ends all work, joins the library's threads and waits for them at most `timeout_ms`, for leak checkers and orderly exits.
 * Objects made before are FAST_E_CLOSED afterwards and still to be freed; new ones work. Dispatcher threads end when their
 * callbacks have returned. FAST_E_DEADLOCK on a thread of the library.
 */
fast_code fast_shutdown(int64_t timeout_ms);

/**
 * A number that differs between a process and its forked children. Objects made before a fork are FAST_E_FORKED in the
 * child.
 */
uint64_t fast_fork_generation(void);

/**
 * A queue. NULL on failure.
 */
struct fast_queue *fast_queue_new(struct fast_error **err);

/**
 * A descriptor that is readable while events wait. Watch it (level or edge triggered), do not read or close it. Negative: a
 * code.
 */
int32_t fast_queue_fd(const struct fast_queue *queue);

/**
 * Takes at most `max` events into `out`, waiting at most `timeout_ms` for the first (0: not at all, -1: for ever). Returns
 * their number, or a negative code. After use release them with `fast_events_release()`. One thread at a time.
 */
int64_t fast_queue_poll(struct fast_queue *queue,
                        struct fast_event *out,
                        size_t max,
                        int64_t timeout_ms);

/**
 * Makes a waiting or the next poll return a FAST_EV_WAKE event.
 */
void fast_queue_wake(struct fast_queue *queue);

/**
 * Lets `threads` threads of the library's own call `callback` for every event. It may block and may call any function but
 * `fast_queue_free()` and `fast_queue_poll()` on this queue, and `fast_shutdown()`; it must not let an exception out. Events of
 * calls with one tag, and of requests with one id, stay in order and do not overlap. These threads block all signals. The
 * event is released when the callback returns. `free_user_data`, if not NULL, runs
 * once, after the last callback. Once per queue; FAST_E_STATE after that.
 */
fast_code fast_queue_dispatch(struct fast_queue *queue,
                              uint32_t threads,
                              fast_event_fn callback,
                              void *user_data,
                              fast_free_fn free_user_data,
                              struct fast_error **err);

/**
 * Frees a queue: no callback starts after this returns, and it waits for those that run. Calls to it go on unheard; requests
 * that wait in it are answered as HandlerDropped. Does nothing on a dispatcher thread of the same queue, which would wait for
 * itself.
 */
void fast_queue_free(struct fast_queue *queue);

/**
 * The id that later events about this request carry; no other request of the process has it.
 */
uint64_t fast_request_id(const struct fast_request *request);

/**
 * The name of the method. Lives as long as `request`.
 */
const char *fast_request_method(const struct fast_request *request);

/**
 * The arguments as the JSON text of an array, followed by a NUL; their length in `*len`, which may be NULL. Live as long as
 * `request`.
 */
const char *fast_request_args(const struct fast_request *request,
                              size_t *len);

/**
 * The caller's address. Lives as long as `request`.
 */
const char *fast_request_peer(const struct fast_request *request);

/**
 * True once nobody waits for the answer any more.
 */
bool fast_request_cancelled(const struct fast_request *request);

/**
 * True once the caller has ended its side of the connection. It may be gone, which shows when something is sent to it; or it
 * reads on and waits for the answer, which is why this does not cancel the request. There is no event for it.
 */
bool fast_request_half_closed(const struct fast_request *request);

/**
 * How many milliseconds the caller goes on waiting, 0 once it has stopped; -1 if it does not say. Give it to the calls that
 * the answer depends on. Requests whose callers have stopped waiting before they are polled do not become events.
 */
int64_t fast_request_remaining_ms(const struct fast_request *request);

/**
 * Sends one value, the JSON text of anything but null, which clients refuse unless told otherwise. FAST_AGAIN: it is queued,
 * but the caller is slow; go on after the FAST_EV_WRITABLE event with this request's id, or after `fast_request_wait()`.
 * FAST_E_OVERLOAD: it is not queued, because more than the server's option `write_limit_bytes` waits for the caller; the
 * request is as it was, so wait in the same way and send again. FAST_E_CLOSED: the caller is gone. FAST_E_STATE: the request
 * was ended.
 */
fast_code fast_request_send(struct fast_request *request,
                            const char *data,
                            size_t len);

/**
 * Waits until more values can be sent, or the caller is gone, at most `timeout_ms`; FAST_AGAIN if neither happened.
 */
fast_code fast_request_wait(struct fast_request *request,
                            int64_t timeout_ms);

/**
 * Ends the answer, with a last value if `data` is not NULL. A second end or failure is FAST_E_STATE, and one after the caller
 * is gone FAST_E_CLOSED. FAST_E_OVERLOAD, only with a value: as of `fast_request_send()`; the request is as it was.
 */
fast_code fast_request_end(struct fast_request *request,
                           const char *data,
                           size_t len);

/**
 * Ends the answer with an error of this name and message; `info_json` is the JSON text of an object, or NULL. Codes as of
 * `fast_request_end()` without a value.
 */
fast_code fast_request_fail(struct fast_request *request,
                            const char *name,
                            const char *message,
                            const char *info_json);

/**
 * As `fast_request_fail()`, with the members `context` and `ase_errors`, of which the first is for clients that look there for
 * what others look for in the info, and the second usually an array of the errors behind this one: JSON text of any kind of
 * value, or NULL, which sends `{}` as the context and leaves `ase_errors` out.
 */
fast_code fast_request_fail_with(struct fast_request *request,
                                 const char *name,
                                 const char *message,
                                 const char *info_json,
                                 const char *context_json,
                                 const char *ase_errors_json);

/**
 * Frees a request. If it was not answered the caller gets the error HandlerDropped.
 */
void fast_request_free(struct fast_request *request);

/**
 * A server with the options `listen`, `announce` and others of `config`. It does not listen yet. NULL on failure.
 */
struct fast_server *fast_server_new(const struct fast_config *config,
                                    struct fast_error **err);

/**
 * Adds a method: its requests become FAST_EV_REQUEST events of `queue` with this `tag`. FAST_E_STATE if it exists.
 */
fast_code fast_server_handle(struct fast_server *server,
                             const char *method,
                             size_t method_len,
                             struct fast_queue *queue,
                             uint64_t tag,
                             struct fast_error **err);

/**
 * Listens, and once connections are accepted announces the server if the option `announce` is set and `announce_at_start` is not
 * off. While its registry cannot be reached it serves all the same, and is listed when that answers.
 */
fast_code fast_server_start(struct fast_server *server,
                            struct fast_error **err);

/**
 * The address listened on, with the port that was found for port 0; empty before the start. Lives as long as `server`.
 */
const char *fast_server_address(const struct fast_server *server);

/**
 * Announces a server that was started with the option `announce_at_start` off, now that it is ready for calls, and waits until
 * it is listed, or until it is known that its registry cannot be reached, at most 5 s; then it is listed when that answers. A second
 * time does nothing.
 */
fast_code fast_server_announce(struct fast_server *server,
                               struct fast_error **err);

/**
 * Gives the server another share of calls: `weight` from 0 (no new calls) to 1000000, in place of the option of that name.
 * Returns when that is listed; before the server is announced, at once. FAST_E_REGISTRY: the registry did not acknowledge it;
 * it is made when the registry answers again.
 */
fast_code fast_server_set_weight(struct fast_server *server,
                                 uint64_t weight,
                                 struct fast_error **err);

/**
 * Says something else of the server, in place of all that was said: text as of the option `metadata`, empty for nothing. Returns
 * and fails as `fast_server_set_weight()` does. FAST_E_INVALID changes nothing.
 */
fast_code fast_server_set_metadata(struct fast_server *server,
                                   const char *metadata,
                                   size_t metadata_len,
                                   struct fast_error **err);

/**
 * How the server's entry in its registry is: "registered", "connecting", "suspended" (listed when last heard of), "lost", or
 * "closed" if there is none. Lives for ever.
 */
const char *fast_server_announcement(const struct fast_server *server);

/**
 * `queue` gets a FAST_EV_ANNOUNCEMENT event with `tag` for each change of that from now on; call it before the start to hear all.
 */
fast_code fast_server_watch_announcement(struct fast_server *server,
                                         struct fast_queue *queue,
                                         uint64_t tag,
                                         struct fast_error **err);

/**
 * Tells clients and the registry, serves on while calls still come, and accepts no more connections. Those that
 * are open go on being served, until they end or `fast_server_stop()` is called. FAST_OK also if it does not listen.
 */
fast_code fast_server_stop_accepting(struct fast_server *server,
                                     struct fast_error **err);

/**
 * Waits until no connection is open, at most `timeout_ms` (0: not at all, -1: for ever). FAST_OK: none is. FAST_AGAIN: some are
 * still. Meant for after `fast_server_stop_accepting()`, since otherwise new ones may come at any time.
 */
fast_code fast_server_wait_connections_closed(struct fast_server *server,
                                              int64_t timeout_ms,
                                              struct fast_error **err);

/**
 * Puts other rate limits in the place of those there are: text as of the option `rate_limits`, empty for none. Limits that stay
 * the same keep what they have counted. FAST_E_INVALID changes nothing.
 */
fast_code fast_server_set_rate_limits(struct fast_server *server,
                                      const char *limits,
                                      size_t limits_len,
                                      struct fast_error **err);

/**
 * Does not serve a client for `time_ms`; 0 and less serve it again. `client` is an IP address (`unix`: all on Unix sockets) or
 * the client's option `client_name`. Its requests are refused with `FastKicked`, new connections from a kicked address are
 * closed at once; what runs goes on.
 */
fast_code fast_server_kick(struct fast_server *server,
                           const char *client,
                           size_t client_len,
                           int64_t time_ms,
                           struct fast_error **err);

/**
 * Counters, connections and running requests as the JSON text of an object in `*out_json`, to be released with
 * `fast_buf_unref()`: what a program of node-fast shows at /kang/snapshot, without the service.
 */
fast_code fast_server_kang(struct fast_server *server,
                           struct fast_buf **out_json,
                           struct fast_error **err);

/**
 * Stops so that no call is lost: tells clients and the registry, serves on while calls still come (at most the option
 * `drain_grace_ms`), accepts no more, and answers what runs. Takes at most `drain_ms` (-1: the option `drain_ms`) in all; what
 * runs then is cancelled. A further call, from any thread, returns when the first one is done. For SIGTERM: call it from the thread that
 * waited for the signal, never from a signal handler.
 */
fast_code fast_server_stop(struct fast_server *server,
                           int64_t drain_ms,
                           struct fast_error **err);

/**
 * Stops at once, without draining, and frees. Does not wait.
 */
void fast_server_free(struct fast_server *server);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FAST_H */
