#define FFI_SCOPE "FAST"
#define FFI_LIB "libfast.so.1"
/* Derived from include/fast.h by core/codegen; do not edit. */
enum {
  FAST_OK = 0,
  FAST_END = 1,
  FAST_AGAIN = 2,
  FAST_E_INVALID = -1,
  FAST_E_NULL = -2,
  FAST_E_TIMEOUT = -3,
  FAST_E_ABANDONED = -4,
  FAST_E_CLOSED = -5,
  FAST_E_CONNECT = -6,
  FAST_E_CONN_LOST = -7,
  FAST_E_NO_ENDPOINT = -8,
  FAST_E_REMOTE = -9,
  FAST_E_PROTOCOL = -10,
  FAST_E_TOO_LARGE = -11,
  FAST_E_OVERLOAD = -12,
  FAST_E_FORKED = -13,
  FAST_E_DEADLOCK = -14,
  FAST_E_STATE = -15,
  FAST_E_INTERRUPTED = -16,
  FAST_E_REGISTRY = -17,
  FAST_E_NOMEM = -18,
  FAST_E_UNSUPPORTED = -19,
  FAST_E_PANIC = -99,
};
typedef struct fast_announcement fast_announcement;
typedef struct fast_buf fast_buf;
typedef struct fast_call fast_call;
typedef struct fast_client fast_client;
typedef struct fast_config fast_config;
typedef struct fast_error fast_error;
typedef struct fast_pick fast_pick;
typedef struct fast_queue fast_queue;
typedef struct fast_request fast_request;
typedef struct fast_server fast_server;
typedef int32_t fast_code;
typedef struct fast_call_opts {
  uint32_t struct_size;
  uint32_t flags;
  int64_t timeout_ms;
  uint32_t window;
  int32_t retries;
  const char *affinity;
  size_t affinity_len;
} fast_call_opts;
typedef struct fast_event {
  int32_t kind;
  fast_code code;
  uint64_t tag;
  uint64_t id;
  const char *data;
  size_t len;
  struct fast_buf *buf;
  struct fast_error *error;
  struct fast_request *request;
  uint64_t reserved[2];
} fast_event;
typedef void (*fast_event_fn)(void *user_data, struct fast_event *event);
typedef void (*fast_free_fn)(void *user_data);
struct fast_announcement *fast_announcement_new(const struct fast_config *config,
                                                struct fast_error **err);
const char *fast_announcement_state(const struct fast_announcement *announcement);
fast_code fast_announcement_watch(struct fast_announcement *announcement,
                                  struct fast_queue *queue,
                                  uint64_t tag,
                                  struct fast_error **err);
fast_code fast_announcement_set_weight(struct fast_announcement *announcement,
                                       uint64_t weight,
                                       struct fast_error **err);
fast_code fast_announcement_set_metadata(struct fast_announcement *announcement,
                                         const char *metadata,
                                         size_t metadata_len,
                                         struct fast_error **err);
fast_code fast_announcement_withdraw(struct fast_announcement *announcement,
                                     struct fast_error **err);
void fast_announcement_free(struct fast_announcement *announcement);
const char *fast_pick_endpoint(const struct fast_pick *pick);
fast_code fast_pick_report(struct fast_pick *pick,
                           int64_t latency_us,
                           bool ok);
void fast_pick_free(struct fast_pick *pick);
const char *fast_buf_data(const struct fast_buf *buf);
size_t fast_buf_len(const struct fast_buf *buf);
struct fast_buf *fast_buf_ref(struct fast_buf *buf);
void fast_buf_unref(struct fast_buf *buf);
fast_code fast_call_next(struct fast_call *call,
                         int64_t timeout_ms,
                         struct fast_buf **out,
                         struct fast_error **err);
fast_code fast_call_grant(struct fast_call *call, uint32_t credits);
fast_code fast_call_way(struct fast_call *call,
                        struct fast_buf **endpoint,
                        uint32_t *attempts,
                        struct fast_error **err);
fast_code fast_call_abandon(struct fast_call *call);
void fast_call_free(struct fast_call *call);
struct fast_client *fast_client_new(const char *target,
                                    const struct fast_config *config,
                                    struct fast_error **err);
struct fast_client *fast_client_named(const char *name,
                                      const char *target,
                                      const struct fast_config *config,
                                      struct fast_error **err);
fast_code fast_client_ready(struct fast_client *client, int64_t timeout_ms, struct fast_error **err);
fast_code fast_client_call(struct fast_client *client,
                           const char *method,
                           size_t method_len,
                           const char *args,
                           size_t args_len,
                           const struct fast_call_opts *opts,
                           struct fast_buf **out,
                           struct fast_error **err);
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
struct fast_pick *fast_client_pick(struct fast_client *client,
                                   struct fast_error **err);
fast_code fast_client_stats(struct fast_client *client,
                            struct fast_buf **out_json,
                            struct fast_error **err);
fast_code fast_client_kang(struct fast_client *client,
                           struct fast_buf **out_json,
                           struct fast_error **err);
fast_code fast_client_close(struct fast_client *client,
                            int64_t drain_ms);
void fast_client_free(struct fast_client *client);
struct fast_config *fast_config_new(void);
fast_code fast_config_set(struct fast_config *config,
                          const char *key,
                          const char *value,
                          struct fast_error **err);
fast_code fast_config_set_int(struct fast_config *config,
                              const char *key,
                              int64_t value,
                              struct fast_error **err);
void fast_config_free(struct fast_config *config);
fast_code fast_error_code(const struct fast_error *error);
const char *fast_error_message(const struct fast_error *error);
const char *fast_error_cause_name(const struct fast_error *error);
const char *fast_error_merged_info(const struct fast_error *error);
const char *fast_error_remote_name(const struct fast_error *error);
const char *fast_error_remote_message(const struct fast_error *error);
const char *fast_error_remote_info(const struct fast_error *error);
const char *fast_error_remote_context(const struct fast_error *error);
const char *fast_error_remote_ase_errors(const struct fast_error *error);
const char *fast_error_endpoint(const struct fast_error *error);
bool fast_error_retriable(const struct fast_error *error);
void fast_error_free(struct fast_error *error);
void fast_events_release(struct fast_event *events,
                         size_t n);
uint32_t fast_version(void);
const char *fast_version_str(void);
bool fast_has_feature(const char *name);
const char *fast_code_name(fast_code code);
const char *fast_config_keys(void);
fast_code fast_metrics_text(struct fast_buf **out_text,
                            struct fast_error **err);
fast_code fast_shutdown(int64_t timeout_ms);
uint64_t fast_fork_generation(void);
struct fast_queue *fast_queue_new(struct fast_error **err);
int32_t fast_queue_fd(const struct fast_queue *queue);
int64_t fast_queue_poll(struct fast_queue *queue,
                        struct fast_event *out,
                        size_t max,
                        int64_t timeout_ms);
void fast_queue_wake(struct fast_queue *queue);
fast_code fast_queue_dispatch(struct fast_queue *queue,
                              uint32_t threads,
                              fast_event_fn callback,
                              void *user_data,
                              fast_free_fn free_user_data,
                              struct fast_error **err);
void fast_queue_free(struct fast_queue *queue);
uint64_t fast_request_id(const struct fast_request *request);
const char *fast_request_method(const struct fast_request *request);
const char *fast_request_args(const struct fast_request *request,
                              size_t *len);
const char *fast_request_peer(const struct fast_request *request);
bool fast_request_cancelled(const struct fast_request *request);
bool fast_request_half_closed(const struct fast_request *request);
int64_t fast_request_remaining_ms(const struct fast_request *request);
fast_code fast_request_send(struct fast_request *request,
                            const char *data,
                            size_t len);
fast_code fast_request_wait(struct fast_request *request,
                            int64_t timeout_ms);
fast_code fast_request_end(struct fast_request *request,
                           const char *data,
                           size_t len);
fast_code fast_request_fail(struct fast_request *request,
                            const char *name,
                            const char *message,
                            const char *info_json);
fast_code fast_request_fail_with(struct fast_request *request,
                                 const char *name,
                                 const char *message,
                                 const char *info_json,
                                 const char *context_json,
                                 const char *ase_errors_json);
void fast_request_free(struct fast_request *request);
struct fast_server *fast_server_new(const struct fast_config *config,
                                    struct fast_error **err);
fast_code fast_server_handle(struct fast_server *server,
                             const char *method,
                             size_t method_len,
                             struct fast_queue *queue,
                             uint64_t tag,
                             struct fast_error **err);
fast_code fast_server_start(struct fast_server *server,
                            struct fast_error **err);
const char *fast_server_address(const struct fast_server *server);
fast_code fast_server_announce(struct fast_server *server,
                               struct fast_error **err);
fast_code fast_server_set_weight(struct fast_server *server,
                                 uint64_t weight,
                                 struct fast_error **err);
fast_code fast_server_set_metadata(struct fast_server *server,
                                   const char *metadata,
                                   size_t metadata_len,
                                   struct fast_error **err);
const char *fast_server_announcement(const struct fast_server *server);
fast_code fast_server_watch_announcement(struct fast_server *server,
                                         struct fast_queue *queue,
                                         uint64_t tag,
                                         struct fast_error **err);
fast_code fast_server_stop_accepting(struct fast_server *server,
                                     struct fast_error **err);
fast_code fast_server_wait_connections_closed(struct fast_server *server,
                                              int64_t timeout_ms,
                                              struct fast_error **err);
fast_code fast_server_set_rate_limits(struct fast_server *server,
                                      const char *limits,
                                      size_t limits_len,
                                      struct fast_error **err);
fast_code fast_server_kick(struct fast_server *server,
                           const char *client,
                           size_t client_len,
                           int64_t time_ms,
                           struct fast_error **err);
fast_code fast_server_kang(struct fast_server *server,
                           struct fast_buf **out_json,
                           struct fast_error **err);
fast_code fast_server_stop(struct fast_server *server,
                           int64_t drain_ms,
                           struct fast_error **err);
void fast_server_free(struct fast_server *server);
