/* libfast's server in C: requests come through a queue, which one thread polls. `server` prints its port, and serves until
 * its input ends. */

#include <fast.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum method { ECHO, STREAM };
enum { EVENTS = 256 };

static void check(fast_code code, fast_error *err, const char *what) {
  if (code >= 0) return;
  fprintf(stderr, "%s: %s\n", what, err ? fast_error_message(err) : fast_code_name(code));
  exit(1);
}

/* The argument, wrapped by an object. */
static void echo(fast_request *request) {
  static const char before[] = "{\"value\":";
  size_t len;
  const char *args = fast_request_args(request, &len);
  size_t argument = len - 2, whole = sizeof before - 1 + argument + 1;
  char small[512], *value = whole <= sizeof small ? small : malloc(whole);
  if (!value) check(FAST_E_NOMEM, NULL, "echo");
  memcpy(value, before, sizeof before - 1);
  memcpy(value + sizeof before - 1, args + 1, argument);
  value[whole - 1] = '}';
  fast_request_end(request, value, whole); /* the client may be gone */
  if (value != small) free(value);
}

/* So many small objects. There is one caller only, so it may hold up the loop. */
static void stream(fast_request *request) {
  long objects = strtol(fast_request_args(request, NULL) + 1, NULL, 10);
  for (long i = 0; i < objects; i++) {
    char value[64];
    int len = snprintf(value, sizeof value, "{\"i\":%ld,\"on\":true}", i);
    fast_code code = fast_request_send(request, value, (size_t)len);
    if (code < 0) return;
    if (code == FAST_AGAIN) fast_request_wait(request, -1);
  }
  fast_request_end(request, NULL, 0);
}

static void *until_input_ends(void *queue) {
  char unused[64];
  while (read(STDIN_FILENO, unused, sizeof unused) > 0) {}
  fast_queue_wake(queue);
  return NULL;
}

int main(void) {
  fast_error *err = NULL;
  fast_config *config = fast_config_new();
  check(fast_config_set(config, "listen", "127.0.0.1:0", &err), err, "listen");
  fast_server *server = fast_server_new(config, &err);
  fast_queue *queue = fast_queue_new(NULL);
  if (!server || !queue) check(FAST_E_NOMEM, err, "server");
  check(fast_server_handle(server, "echo", FAST_NTS, queue, ECHO, &err), err, "echo");
  check(fast_server_handle(server, "stream", FAST_NTS, queue, STREAM, &err), err, "stream");
  check(fast_server_start(server, &err), err, "start");
  printf("listening %s\n", strrchr(fast_server_address(server), ':') + 1);
  fflush(stdout);
  pthread_t thread;
  if (pthread_create(&thread, NULL, until_input_ends, queue)) check(FAST_E_NOMEM, NULL, "thread");
  for (bool over = false; !over;) {
    fast_event events[EVENTS];
    int64_t came = fast_queue_poll(queue, events, EVENTS, -1);
    check((fast_code)came, NULL, "poll");
    for (int64_t i = 0; i < came; i++) {
      over |= events[i].kind == FAST_EV_WAKE;
      if (events[i].kind != FAST_EV_REQUEST) continue;
      if (events[i].tag == ECHO) echo(events[i].request);
      else stream(events[i].request);
    }
    fast_events_release(events, (size_t)came);
  }
  pthread_join(thread, NULL);
  fast_server_free(server);
  fast_queue_free(queue);
  fast_config_free(config);
  return 0;
}
