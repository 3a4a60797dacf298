/* What the tests of the C ABI share: checks that end the program, and a server to talk to. */

#ifndef CHECK_H
#define CHECK_H

#define _GNU_SOURCE
#include <dirent.h>
#include <fast.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition) \
  ((condition) ? (void)0 : (fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition), _exit(1)))

/* Two codes, the second one expected. */
#define SAME(code, expected) check_same((code), (expected), #code, __FILE__, __LINE__)

static inline void check_same(int64_t code, int64_t expected, const char *what, const char *file, int line) {
  if (code == expected) return;
  fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", file, line, what, (long long)code, (long long)expected);
  _exit(1);
}

/* An error with this code whose message has this word; frees it. */
static inline void check_error(fast_error *err, fast_code code, const char *word) {
  SAME(fast_error_code(err), code);
  if (!strstr(fast_error_message(err), word)) fprintf(stderr, "message: %s\n", fast_error_message(err));
  CHECK(strstr(fast_error_message(err), word) != NULL);
  fast_error_free(err);
}

static inline int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Entries of a folder, such as /proc/self/task. */
static inline int entries(const char *path) {
  int count = 0;
  DIR *folder = opendir(path);
  CHECK(folder);
  while (readdir(folder)) count++;
  closedir(folder);
  return count - 2;
}

/* Waits until something outside has come about: other threads and processes tell nobody when they end. */
#define WAIT_UNTIL(condition)                                                    \
  for (int64_t end = now_ms() + 10000; !(condition); poll(NULL, 0, 1)) {         \
    if (now_ms() > end) CHECK(condition);                                        \
  }

/* A server of `echo` (one value: its arguments), `range` (that many values), `drop` (no answer), `fail`, and `hold`, which
 * is put into `held`. */
struct server {
  fast_server *server;
  fast_queue *queue;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  fast_request *held;
};

enum { ECHO, RANGE, DROP, FAIL, HOLD, METHODS };

static inline void serve(void *user_data, fast_event *event) {
  struct server *server = user_data;
  if (event->kind != FAST_EV_REQUEST) return;
  fast_request *request = event->request;
  size_t len = 0;
  const char *args = fast_request_args(request, &len);
  if (event->tag == ECHO) {
    fast_request_end(request, args, len);
  } else if (event->tag == RANGE) {
    for (long i = 0, n = strtol(args + 1, NULL, 10); i < n; i++) {
      char text[32];
      snprintf(text, sizeof text, "%ld", i);
      fast_code code = fast_request_send(request, text, FAST_NTS);
      while (code == FAST_AGAIN) code = fast_request_wait(request, 10000);
      if (code < 0) return;
    }
    fast_request_end(request, NULL, 0);
  } else if (event->tag == FAIL) {
    fast_request_fail(request, "TestError", "as asked", "{\"code\":42}");
  } else if (event->tag == HOLD) {
    pthread_mutex_lock(&server->lock);
    server->held = request;
    event->request = NULL;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
  }
}

/* Serves on `listen`, or NULL for the default. */
static inline void server_start(struct server *server, const char *listen) {
  static const char *const names[METHODS] = {"echo", "range", "drop", "fail", "hold"};
  fast_config *config = fast_config_new();
  if (listen) SAME(fast_config_set(config, "listen", listen, NULL), FAST_OK);
  *server = (struct server){.server = fast_server_new(config, NULL), .queue = fast_queue_new(NULL)};
  pthread_mutex_init(&server->lock, NULL);
  pthread_cond_init(&server->changed, NULL);
  for (uint64_t method = 0; method < METHODS; method++)
    SAME(fast_server_handle(server->server, names[method], FAST_NTS, server->queue, method, NULL), FAST_OK);
  SAME(fast_queue_dispatch(server->queue, 4, serve, server, NULL, NULL), FAST_OK);
  SAME(fast_server_start(server->server, NULL), FAST_OK);
  fast_config_free(config);
}

/* The request of `hold` that came, or comes; to be freed. */
static inline fast_request *server_take_held(struct server *server) {
  pthread_mutex_lock(&server->lock);
  while (!server->held) pthread_cond_wait(&server->changed, &server->lock);
  fast_request *held = server->held;
  server->held = NULL;
  pthread_mutex_unlock(&server->lock);
  return held;
}

static inline void server_free(struct server *server) {
  fast_server_free(server->server);
  fast_queue_free(server->queue);
}

static inline fast_client *client_of(const struct server *server) {
  fast_client *client = fast_client_new(fast_server_address(server->server), NULL, NULL);
  CHECK(client);
  return client;
}

/* One `echo`, which must work. */
static inline void check_echo(fast_client *client) {
  fast_buf *values = NULL;
  fast_error *err = NULL;
  fast_code code = fast_client_call(client, "echo", FAST_NTS, "[7]", FAST_NTS, NULL, &values, &err);
  if (code < 0) fprintf(stderr, "%s\n", fast_error_message(err));
  SAME(code, FAST_OK);
  CHECK(strcmp(fast_buf_data(values), "[[7]]") == 0);
  fast_buf_unref(values);
}

/* The code of a call whose values do not matter. */
static inline fast_code code_of(fast_client *client, const char *method, fast_error **err) {
  fast_buf *values = NULL;
  fast_code code = fast_client_call(client, method, FAST_NTS, NULL, 0, NULL, &values, err);
  fast_buf_unref(values);
  return code;
}

#endif
