/* Clients, calls, requests and texts: states, orders and limits. */

#include "check.h"

static void options_of_any_size(fast_client *client) {
  struct { fast_call_opts known; uint64_t newer; } larger;
  memset(&larger, 0, sizeof larger);
  larger.known.struct_size = sizeof larger;
  uint32_t smaller[2] = {sizeof smaller, FAST_CALL_IDEMPOTENT};
  fast_call_opts wrong = {.struct_size = 0};
  fast_buf *values = NULL;
  fast_error *err = NULL;
  SAME(fast_client_call(client, "echo", FAST_NTS, NULL, 0, &larger.known, &values, NULL), FAST_OK);
  fast_buf_unref(values);
  SAME(fast_client_call(client, "echo", FAST_NTS, NULL, 0, (fast_call_opts *)(void *)smaller, &values, NULL), FAST_OK);
  fast_buf_unref(values);
  SAME(fast_client_call(client, "echo", FAST_NTS, NULL, 0, &wrong, &values, &err), FAST_E_INVALID);
  check_error(err, FAST_E_INVALID, "struct_size");
  wrong = (fast_call_opts){.struct_size = sizeof wrong, .flags = 1u << 31};
  SAME(fast_client_call(client, "echo", FAST_NTS, NULL, 0, &wrong, &values, &err), FAST_E_INVALID);
  check_error(err, FAST_E_INVALID, "flags");
}

static void malformed_texts(fast_client *client) {
  fast_buf *values = NULL;
  fast_error *err = NULL;
  SAME(fast_client_call(client, "e\0o", 3, NULL, 0, NULL, &values, &err), FAST_E_INVALID);
  check_error(err, FAST_E_INVALID, "`method`");
  SAME(fast_client_call(client, "e\xff", 2, NULL, 0, NULL, &values, &err), FAST_E_INVALID);
  check_error(err, FAST_E_INVALID, "`method` is no UTF-8");
  SAME(fast_client_call(client, "echo", FAST_NTS, "[\"\xff\"]", FAST_NTS, NULL, &values, &err), FAST_E_INVALID);
  check_error(err, FAST_E_INVALID, "arguments");
  SAME(fast_client_call(client, "echo", FAST_NTS, "[1\0]", 4, NULL, &values, &err), FAST_E_INVALID);
  check_error(err, FAST_E_INVALID, "arguments");
  SAME(fast_client_call(client, "echo", FAST_NTS, "{}", FAST_NTS, NULL, &values, &err), FAST_E_INVALID);
  check_error(err, FAST_E_INVALID, "array");
  SAME(fast_client_call(client, "echo", FAST_NTS, "[]", SIZE_MAX / 2 + 2, NULL, &values, &err), FAST_E_INVALID);
  check_error(err, FAST_E_INVALID, "length");
  CHECK(values == NULL);

  fast_config *config = fast_config_new();
  SAME(fast_config_set(config, "polcy", "p2c", &err), FAST_E_INVALID);
  check_error(err, FAST_E_INVALID, "did you mean \"policy\"");
  SAME(fast_config_set(config, "retries", "many", &err), FAST_E_INVALID);
  check_error(err, FAST_E_INVALID, "retries");
  SAME(fast_config_set_int(config, "retries", -1, &err), FAST_E_INVALID);
  check_error(err, FAST_E_INVALID, "retries");
  SAME(fast_config_set(config, "zone", "\xff", &err), FAST_E_INVALID);
  check_error(err, FAST_E_INVALID, "UTF-8");
  fast_config_free(config);
  CHECK(fast_client_new("no target!", NULL, &err) == NULL);
  check_error(err, FAST_E_INVALID, "no target!");

  /* A text of 16 MiB is too large for a message, and nothing worse. */
  size_t len = 16 << 20;
  char *large = malloc(len);
  memset(large, 'x', len);
  large[0] = '[', large[1] = '"', large[len - 2] = '"', large[len - 1] = ']';
  SAME(fast_client_call(client, "echo", FAST_NTS, large, len, NULL, &values, NULL), FAST_E_TOO_LARGE);
  free(large);
}

static void remote_errors(fast_client *client) {
  fast_error *err = NULL;
  SAME(code_of(client, "fail", &err), FAST_E_REMOTE);
  CHECK(strcmp(fast_error_remote_name(err), "TestError") == 0);
  CHECK(strcmp(fast_error_remote_info(err), "{\"code\":42}") == 0);
  CHECK(strstr(fast_error_endpoint(err), "127.0.0.1:") && !fast_error_retriable(err));
  CHECK(strcmp(fast_error_cause_name(err), "FastServerError") == 0);
  CHECK(strcmp(fast_error_remote_message(err), "as asked") == 0);
  CHECK(strstr(fast_error_merged_info(err), "\"code\":42") && strstr(fast_error_merged_info(err), "\"rpcMethod\":\"fail\""));
  CHECK(strcmp(fast_error_remote_context(err), "{}") == 0 && *fast_error_remote_ase_errors(err) == 0);
  check_error(err, FAST_E_REMOTE, "as asked");
  SAME(code_of(client, "drop", &err), FAST_E_REMOTE);
  CHECK(strcmp(fast_error_remote_name(err), "HandlerDropped") == 0);
  fast_error_free(err);
}

/* Answers a call of `hold` with values that have a null in the middle, and then an error that has everything. */
static void *answer_all(void *server) {
  fast_request *request = server_take_held(server);
  SAME(fast_request_send(request, "1", 1), FAST_OK);
  SAME(fast_request_send(request, "null", 4), FAST_OK);
  SAME(fast_request_send(request, "2", 1), FAST_OK);
  SAME(fast_request_send(request, "3", 1), FAST_OK);
  SAME(fast_request_fail_with(request, "Late", "after all", "{\"a\":1}", "\"old\"", "[{}]"), FAST_OK);
  fast_request_free(request);
  return NULL;
}

static fast_code buffer(struct server *server, fast_client *client, uint32_t flags, uint64_t max, const char *wanted,
                        uint64_t wanted_count, fast_error **err) {
  pthread_t answering;
  pthread_create(&answering, NULL, answer_all, server);
  fast_call_opts opts = {.struct_size = sizeof opts, .flags = flags};
  fast_buf *values = NULL;
  uint64_t count = 77;
  fast_code code = fast_client_call_buffered(client, "hold", FAST_NTS, NULL, 0, &opts, max, &values, &count, err);
  pthread_join(answering, NULL);
  if (strcmp(fast_buf_data(values), wanted) != 0) fprintf(stderr, "%s\n", fast_buf_data(values));
  CHECK(strcmp(fast_buf_data(values), wanted) == 0);
  SAME((int64_t)count, (int64_t)wanted_count);
  fast_buf_unref(values);
  return code;
}

/* Values, count and error of one call, whatever came of it. */
static void buffered_calls(struct server *server, fast_client *client) {
  fast_buf *values = NULL;
  uint64_t count = 77;
  SAME(fast_client_call_buffered(client, "range", FAST_NTS, "[5]", FAST_NTS, NULL, 2, &values, &count, NULL), FAST_OK);
  CHECK(strcmp(fast_buf_data(values), "[0,1]") == 0 && count == 5);
  fast_buf_unref(values);

  fast_error *err = NULL;
  SAME(buffer(server, client, FAST_CALL_IGNORE_NULL_VALUES, 2, "[1,2]", 3, &err), FAST_E_REMOTE);
  CHECK(strcmp(fast_error_remote_name(err), "Late") == 0 && strcmp(fast_error_remote_info(err), "{\"a\":1}") == 0);
  CHECK(strcmp(fast_error_remote_context(err), "\"old\"") == 0 && strcmp(fast_error_remote_ase_errors(err), "[{}]") == 0);
  fast_error_free(err);
  SAME(buffer(server, client, FAST_CALL_IGNORE_NULL_VALUES, 0, "[]", 3, NULL), FAST_E_REMOTE);
  SAME(buffer(server, client, FAST_CALL_IGNORE_NULL_VALUES, UINT64_MAX, "[1,2,3]", 3, NULL), FAST_E_REMOTE);
  SAME(buffer(server, client, FAST_CALL_REFUSE_NULL_VALUES, 9, "[1]", 1, &err), FAST_E_PROTOCOL);
  CHECK(strcmp(fast_error_cause_name(err), "FastProtocolError") == 0);
  check_error(err, FAST_E_PROTOCOL, "null");
  SAME(buffer(server, client, 0, 9, "[1]", 1, NULL), FAST_E_PROTOCOL);

  /* What is refused before it is a call, too. */
  fast_call_opts both = {.struct_size = sizeof both};
  both.flags = FAST_CALL_IGNORE_NULL_VALUES | FAST_CALL_REFUSE_NULL_VALUES;
  SAME(fast_client_call_buffered(client, "range", FAST_NTS, "[5]", FAST_NTS, &both, 2, &values, &count, &err), FAST_E_INVALID);
  CHECK(strcmp(fast_buf_data(values), "[]") == 0 && count == 0 && *fast_error_cause_name(err) == 0);
  check_error(err, FAST_E_INVALID, "null values");
  fast_buf_unref(values);
}

static void abandoned_calls_say_which(fast_client *client, struct server *server) {
  fast_call *call = NULL;
  fast_buf *value = NULL;
  fast_error *err = NULL;
  SAME(fast_client_start(client, NULL, 0, "hold", FAST_NTS, NULL, 0, NULL, &call, NULL), FAST_OK);
  fast_request_free(server_take_held(server));
  SAME(fast_call_abandon(call), FAST_OK);
  for (int i = 0; i < 2; i++) {
    SAME(fast_call_next(call, -1, &value, &err), FAST_E_ABANDONED);
    CHECK(strcmp(fast_error_cause_name(err), "FastRequestAbandonedError") == 0);
    CHECK(strstr(fast_error_merged_info(err), "\"rpcMethod\":\"hold\",\"rpcMsgid\":"));
    fast_error_free(err);
  }
  fast_call_free(call);
}

/* Those under way after the drain are told. */
static void closing_a_client_ends_its_calls(struct server *server) {
  fast_client *client = client_of(server);
  fast_call *call = NULL;
  fast_buf *value = NULL;
  fast_error *err = NULL;
  SAME(fast_client_ready(client, 10000, NULL), FAST_OK);
  SAME(fast_client_start(client, NULL, 0, "hold", FAST_NTS, NULL, 0, NULL, &call, NULL), FAST_OK);
  fast_request *request = server_take_held(server);
  SAME(fast_client_close(client, 1), FAST_OK);
  SAME(fast_call_next(call, -1, &value, &err), FAST_E_CLOSED);
  CHECK(strcmp(fast_error_cause_name(err), "FastTransportError") == 0);
  CHECK(strcmp(fast_error_merged_info(err), "{\"rpcMethod\":\"hold\",\"rpcMsgid\":1}") == 0);
  fast_error_free(err);
  fast_call_free(call);
  fast_client_free(client);
  fast_request_free(request);
}

static void a_request_ends_once(struct server *server, fast_client *client) {
  fast_call *call = NULL;
  fast_buf *value = NULL;
  SAME(fast_client_start(client, NULL, 0, "hold", FAST_NTS, "[1, 2]", FAST_NTS, NULL, &call, NULL), FAST_OK);
  fast_request *request = server_take_held(server);
  SAME(fast_call_next(call, 0, &value, NULL), FAST_AGAIN);
  SAME(fast_request_send(request, "nul", 3), FAST_E_INVALID);
  SAME(fast_request_send(request, "\"a\"", FAST_NTS), FAST_OK);
  SAME(fast_request_end(request, "\"b\"", FAST_NTS), FAST_OK);
  SAME(fast_request_end(request, NULL, 0), FAST_E_STATE);
  SAME(fast_request_fail(request, "Late", "too late", NULL), FAST_E_STATE);
  SAME(fast_request_send(request, "1", 1), FAST_E_STATE);
  fast_request_free(request);
  SAME(fast_call_next(call, -1, &value, NULL), FAST_OK);
  CHECK(strcmp(fast_buf_data(value), "\"a\"") == 0 && fast_buf_len(value) == 3);
  fast_buf_unref(value);
  SAME(fast_call_next(call, -1, &value, NULL), FAST_OK);
  fast_buf_unref(value);
  SAME(fast_call_next(call, -1, &value, NULL), FAST_END);
  SAME(fast_call_next(call, -1, &value, NULL), FAST_END);
  SAME(fast_call_abandon(call), FAST_OK);
  SAME(fast_call_next(call, -1, &value, NULL), FAST_E_ABANDONED);
  fast_call_free(call);
}

static void timeouts_are_kept(struct server *server, fast_client *client) {
  fast_call_opts opts = {.struct_size = sizeof opts, .timeout_ms = 50};
  fast_buf *values = NULL;
  int64_t start = now_ms();
  SAME(fast_client_call(client, "hold", FAST_NTS, NULL, 0, &opts, &values, NULL), FAST_E_TIMEOUT);
  CHECK(now_ms() - start >= 49 && now_ms() - start < 5000);
  fast_request_free(server_take_held(server));
}

static void picks(fast_client *client) {
  fast_pick *pick = fast_client_pick(client, NULL);
  CHECK(strstr(fast_pick_endpoint(pick), "127.0.0.1:") == fast_pick_endpoint(pick));
  SAME(fast_pick_report(pick, 100, true), FAST_OK);
  SAME(fast_pick_report(pick, 100, true), FAST_E_STATE);
  fast_pick_free(pick);
}

static void closed_objects(struct server *server) {
  fast_client *client = client_of(server), *named = fast_client_named("n", fast_server_address(server->server), NULL, NULL);
  fast_client *again = fast_client_named("n", fast_server_address(server->server), NULL, NULL);
  fast_error *err = NULL;
  check_echo(client);
  SAME(fast_client_close(client, 0), FAST_OK);
  SAME(fast_client_close(client, 0), FAST_OK);
  SAME(code_of(client, "echo", &err), FAST_E_CLOSED);
  check_error(err, FAST_E_CLOSED, "closed");
  SAME(fast_client_ready(client, 100, NULL), FAST_E_CLOSED);
  CHECK(fast_client_pick(client, &err) == NULL);
  check_error(err, FAST_E_CLOSED, "closed");
  check_echo(named);
  SAME(fast_client_close(named, 1000), FAST_OK);
  SAME(code_of(again, "echo", NULL), FAST_E_CLOSED);
  fast_client_free(again);
  again = fast_client_named("n", fast_server_address(server->server), NULL, NULL);
  check_echo(again); /* a new one */
  fast_client_free(client);
  fast_client_free(named);
  fast_client_free(again);
}

/* Each order of freeing a client, its call, a server, its queue and a request that waits. */
static void free_in_any_order(void) {
  for (int order = 0; order < 120; order++) {
    struct server server;
    server_start(&server, NULL);
    fast_client *client = client_of(&server);
    fast_call *call = NULL;
    /* A call to be pulled is sent at once only over a connection that exists. */
    SAME(fast_client_ready(client, 10000, NULL), FAST_OK);
    SAME(fast_client_start(client, NULL, 0, "hold", FAST_NTS, NULL, 0, NULL, &call, NULL), FAST_OK);
    fast_request *request = server_take_held(&server);
    int left[] = {0, 1, 2, 3, 4}, rest = order;
    for (int n = 5; n > 0; n--) {
      int chosen = rest % n;
      rest /= n;
      if (left[chosen] == 0) fast_client_free(client);
      if (left[chosen] == 1) fast_call_free(call);
      if (left[chosen] == 2) fast_server_free(server.server);
      if (left[chosen] == 3) fast_queue_free(server.queue);
      if (left[chosen] == 4) fast_request_free(request);
      memmove(left + chosen, left + chosen + 1, sizeof(int) * (size_t)(4 - chosen));
    }
  }
}

static void servers_have_states(struct server *server) {
  fast_error *err = NULL;
  fast_queue *queue = fast_queue_new(NULL);
  SAME(fast_server_handle(server->server, "echo", FAST_NTS, queue, 0, &err), FAST_E_STATE);
  check_error(err, FAST_E_STATE, "echo");
  SAME(fast_server_start(server->server, &err), FAST_E_STATE);
  fast_error_free(err);
  SAME(fast_server_stop(server->server, 0, NULL), FAST_OK);
  SAME(fast_server_stop(server->server, 0, NULL), FAST_OK);
  SAME(fast_server_handle(server->server, "a\0b", 3, queue, 0, &err), FAST_E_INVALID);
  check_error(err, FAST_E_INVALID, "`method`");
  fast_queue_free(queue);
}

int main(void) {
  struct server server;
  server_start(&server, NULL);
  fast_client *client = client_of(&server);
  SAME(fast_client_ready(client, 10000, NULL), FAST_OK);
  check_echo(client);
  options_of_any_size(client);
  malformed_texts(client);
  remote_errors(client);
  buffered_calls(&server, client);
  abandoned_calls_say_which(client, &server);
  closing_a_client_ends_its_calls(&server);
  a_request_ends_once(&server, client);
  timeouts_are_kept(&server, client);
  picks(client);
  closed_objects(&server);
  servers_have_states(&server);
  fast_client_free(client);
  server_free(&server);
  free_in_any_order();
  SAME(fast_shutdown(10000), FAST_OK);
  return 0;
}
