/* Handlers that fail, answer twice, never or too late: defined codes, one last frame each, and nothing is left. */

#include "bare.h"
#include <stdatomic.h>

enum { KEPT = 8 };

struct wrong {
  fast_server *server;
  fast_queue *queue;
  pthread_mutex_t lock;
  fast_request *kept[KEPT];
  atomic_int keeps, cancelled;
};

/* What each method answers: values, and the name of the error after them. */
static const struct outcome {
  const char *method, *values, *error;
} outcomes[] = {
    {"fail", "", "\"Own\""},          {"fail_with", "", "\"Own\""},        {"send_and_fail", "[1]", "\"Own\""},
    {"end_twice", "[1]", NULL},       {"fail_and_end", "", "\"Own\""},     {"malformed", "", "\"Own\""},
    {"nothing", "", "HandlerDropped"}, {"send_and_nothing", "[1]", "HandlerDropped"}, {"null", "[null]", NULL},
};
enum { OUTCOMES = sizeof outcomes / sizeof *outcomes, KEEP = OUTCOMES };

static void refuse_all(fast_request *request, fast_code code) {
  SAME(fast_request_send(request, "2", 1), code);
  SAME(fast_request_end(request, "2", 1), code);
  /* The first end counts, though nobody may hear of it. */
  SAME(fast_request_end(request, NULL, 0), FAST_E_STATE);
  SAME(fast_request_fail(request, "Own", "x", NULL), FAST_E_STATE);
}

static void malformed(fast_request *request) {
  SAME(fast_request_send(request, "nul", 3), FAST_E_INVALID);
  SAME(fast_request_send(request, "", 0), FAST_E_INVALID);
  SAME(fast_request_end(request, "[", 1), FAST_E_INVALID);
  SAME(fast_request_fail(request, "\xff", "x", NULL), FAST_E_INVALID);
  SAME(fast_request_fail(request, "Own", "x", "[]"), FAST_E_INVALID);
  SAME(fast_request_fail_with(request, "Own", "x", NULL, "nope", NULL), FAST_E_INVALID);
  SAME(fast_request_fail_with(request, "Own", "x", NULL, NULL, "{"), FAST_E_INVALID);
  SAME(fast_request_fail(request, "Own", "x", "{}"), FAST_OK);
}

static void keep(struct wrong *wrong, fast_event *event) {
  pthread_mutex_lock(&wrong->lock);
  int at = atomic_load(&wrong->keeps) % KEPT;
  CHECK(wrong->kept[at] == NULL);
  wrong->kept[at] = event->request;
  event->request = NULL;
  atomic_fetch_add(&wrong->keeps, 1);
  pthread_mutex_unlock(&wrong->lock);
}

static void handle(void *user_data, fast_event *event) {
  struct wrong *wrong = user_data;
  if (event->kind == FAST_EV_CANCELLED) atomic_fetch_add(&wrong->cancelled, 1);
  if (event->kind != FAST_EV_REQUEST) return;
  fast_request *request = event->request;
  switch (event->tag) {
    case 0: SAME(fast_request_fail(request, "Own", "as asked", "{\"a\":1}"), FAST_OK); break;
    case 1: SAME(fast_request_fail_with(request, "Own", "as asked", NULL, "[1]", "[{\"name\":\"Below\"}]"), FAST_OK); break;
    case 2:
      SAME(fast_request_send(request, "1", 1), FAST_OK);
      SAME(fast_request_fail(request, "Own", "x", NULL), FAST_OK);
      break;
    case 3:
      SAME(fast_request_end(request, "1", 1), FAST_OK);
      refuse_all(request, FAST_E_STATE);
      break;
    case 4:
      SAME(fast_request_fail(request, "Own", "x", NULL), FAST_OK);
      refuse_all(request, FAST_E_STATE);
      break;
    case 5: malformed(request); break;
    case 6: break;
    case 7: SAME(fast_request_send(request, "1", 1), FAST_OK); break;
    case 8: SAME(fast_request_end(request, "null", 4), FAST_OK); break;
    case KEEP: keep(wrong, event); break;
    default: CHECK(false);
  }
}

static void start(struct wrong *wrong, int64_t write_limit_bytes) {
  *wrong = (struct wrong){.queue = fast_queue_new(NULL)};
  pthread_mutex_init(&wrong->lock, NULL);
  fast_config *config = fast_config_new();
  if (write_limit_bytes) SAME(fast_config_set_int(config, "write_limit_bytes", write_limit_bytes, NULL), FAST_OK);
  wrong->server = fast_server_new(config, NULL);
  fast_config_free(config);
  for (uint64_t i = 0; i <= KEEP; i++) {
    const char *name = i == KEEP ? "keep" : outcomes[i].method;
    SAME(fast_server_handle(wrong->server, name, FAST_NTS, wrong->queue, i, NULL), FAST_OK);
  }
  SAME(fast_queue_dispatch(wrong->queue, 2, handle, wrong, NULL, NULL), FAST_OK);
  SAME(fast_server_start(wrong->server, NULL), FAST_OK);
}

static void end(struct wrong *wrong) {
  fast_server_free(wrong->server);
  fast_queue_free(wrong->queue);
}

static int bare_client(struct wrong *wrong) { return bare_connect(fast_server_address(wrong->server)); }

/* A request that was sent with `keep` and is kept now. */
static fast_request *take_kept(struct wrong *wrong, int number) {
  WAIT_UNTIL(atomic_load(&wrong->keeps) > number);
  fast_request *request = wrong->kept[number % KEPT];
  wrong->kept[number % KEPT] = NULL;
  return request;
}

/* Every method once on one connection, which the server closes when all is answered; all frames are looked at. */
static void one_round(struct wrong *wrong, const char *args) {
  int fd = bare_client(wrong), last[OUTCOMES] = {0};
  for (uint32_t i = 0; i < OUTCOMES; i++) bare_send(fd, i + 1, outcomes[i].method, args);
  shutdown(fd, SHUT_WR);
  for (struct frame frame; bare_next(fd, &frame); free(frame.payload)) {
    CHECK(frame.id >= 1 && frame.id <= OUTCOMES);
    const struct outcome *outcome = &outcomes[frame.id - 1];
    CHECK(last[frame.id - 1] == 0); /* nothing comes after the last frame */
    last[frame.id - 1] = frame.status == DATA ? 0 : frame.status;
    const char *wanted = frame.status == ERROR ? outcome->error : frame.status == DATA ? outcome->values : "\"d\":[";
    if (!wanted || !strstr(frame.payload, wanted)) fprintf(stderr, "%s: %d %s\n", outcome->method, frame.status, frame.payload);
    CHECK(wanted && strstr(frame.payload, wanted));
    if (frame.id == 2) CHECK(strstr(frame.payload, "\"context\":[1]") && strstr(frame.payload, "\"ase_errors\":[{\"name\":\"Below\"}]"));
  }
  for (int i = 0; i < OUTCOMES; i++) SAME(last[i], outcomes[i].error ? ERROR : END);
  close(fd);
}

/* Bytes of this process that are not shared. */
static long memory(void) {
  long resident = 0, shared = 0;
  FILE *statm = fopen("/proc/self/statm", "r");
  SAME(fscanf(statm, "%*d %ld %ld", &resident, &shared), 2);
  fclose(statm);
  return (resident - shared) * sysconf(_SC_PAGESIZE);
}

static void thousands_leave_nothing_behind(void) {
  struct wrong wrong;
  start(&wrong, 0);
  enum { ARGS = 100000, ROUNDS = 300 };
  char *args = malloc(ARGS + 1);
  memset(args, 'x', ARGS);
  memcpy(args, "[\"", 2);
  memcpy(args + ARGS - 2, "\"]", 3);
  for (int i = 0; i < 30; i++) one_round(&wrong, args);
  SAME(fast_server_wait_connections_closed(wrong.server, 10000, NULL), FAST_OK);
  int fds = entries("/proc/self/fd"), threads = entries("/proc/self/task");
  long before = memory();
  for (int i = 0; i < ROUNDS; i++) one_round(&wrong, args);
  SAME(fast_server_wait_connections_closed(wrong.server, 10000, NULL), FAST_OK);
  long grown = memory() - before;
#ifndef __SANITIZE_ADDRESS__ /* which keeps freed memory for a while, and looks for leaks at the end */
  /* The arguments of the requests of one method alone are twice as much. */
  if (grown > ARGS * ROUNDS / 2) fprintf(stderr, "%d requests left %ld bytes\n", ROUNDS * OUTCOMES, grown);
  CHECK(grown <= ARGS * ROUNDS / 2);
#else
  (void)grown;
#endif
  WAIT_UNTIL(entries("/proc/self/fd") <= fds); /* closed by the library's threads, just after */
  SAME(entries("/proc/self/task"), threads);
  free(args);
  end(&wrong);
}

/* A request that is freed late is answered then; one that is kept ends with its server, whose caller gets no frame. */
static void never_answered(void) {
  struct wrong wrong;
  struct frame frame;
  start(&wrong, 0);
  int fd = bare_client(&wrong);
  bare_send(fd, 7, "keep", "[]");
  fast_request *request = take_kept(&wrong, 0);
  CHECK(!fast_request_cancelled(request) && !fast_request_half_closed(request));
  SAME(fast_request_remaining_ms(request), -1);
  fast_request_free(request);
  CHECK(bare_next(fd, &frame) && frame.id == 7 && frame.status == ERROR && strstr(frame.payload, "HandlerDropped"));
  free(frame.payload);

  bare_send(fd, 8, "keep", "[]");
  request = take_kept(&wrong, 1);
  SAME(fast_server_stop_accepting(wrong.server, NULL), FAST_OK);
  SAME(fast_server_stop_accepting(wrong.server, NULL), FAST_OK);
  SAME(fast_server_wait_connections_closed(wrong.server, 0, NULL), FAST_AGAIN);
  SAME(fast_server_stop(wrong.server, 1, NULL), FAST_OK);
  CHECK(!bare_next(fd, &frame));
  close(fd);
  SAME(fast_server_wait_connections_closed(wrong.server, -1, NULL), FAST_OK);
  CHECK(fast_request_cancelled(request) && fast_request_half_closed(request));
  refuse_all(request, FAST_E_CLOSED);
  fast_request_free(request);
  WAIT_UNTIL(atomic_load(&wrong.cancelled) == 1);
  end(&wrong);
}

/* The callers are gone when the answers come; each request is cancelled once. */
static void answers_after_the_caller_is_gone(void) {
  struct wrong wrong;
  start(&wrong, 0);
  enum { ROUNDS = 1000, EACH = 3 };
  int fds = entries("/proc/self/fd");
  for (int i = 0; i < ROUNDS; i++) {
    int fd = bare_client(&wrong);
    for (uint32_t id = 1; id <= EACH; id++) bare_send(fd, id, "keep", "[]");
    fast_request *requests[EACH];
    for (int r = 0; r < EACH; r++) requests[r] = take_kept(&wrong, i * EACH + r);
    bare_reset(fd);
    SAME(fast_server_wait_connections_closed(wrong.server, 10000, NULL), FAST_OK);
    for (int r = 0; r < EACH; r++) {
      CHECK(fast_request_cancelled(requests[r]));
      SAME(fast_request_wait(requests[r], 10000), FAST_OK); /* for nobody */
      if (r == 0) SAME(fast_request_fail(requests[r], "Own", "x", NULL), FAST_E_CLOSED);
      if (r == 1) refuse_all(requests[r], FAST_E_CLOSED);
      fast_request_free(requests[r]);
    }
  }
  WAIT_UNTIL(atomic_load(&wrong.cancelled) == ROUNDS * EACH);
  WAIT_UNTIL(entries("/proc/self/fd") <= fds);
  end(&wrong);
}

/* A caller that sends no more may wait for the answer. */
static void half_closed(void) {
  struct wrong wrong;
  struct frame frame;
  start(&wrong, 0);
  int fd = bare_client(&wrong);
  bare_send(fd, 1, "keep", "[]");
  fast_request *request = take_kept(&wrong, 0);
  shutdown(fd, SHUT_WR);
  WAIT_UNTIL(fast_request_half_closed(request));
  CHECK(!fast_request_cancelled(request));
  SAME(fast_request_end(request, "5", 1), FAST_OK);
  fast_request_free(request);
  int frames = 0;
  for (; bare_next(fd, &frame); free(frame.payload)) frames++;
  CHECK(frames == 1 || frames == 2); /* a value may come with the end */
  close(fd);
  end(&wrong);
}

/* How many values a DATA frame has, none of which has a comma in it. */
static int values_in(const struct frame *frame) {
  const char *at = strstr(frame->payload, "\"d\":[") + 5;
  int values = at[0] != ']';
  while ((at = strchr(at, ',')) != NULL) at++, values++;
  return values;
}

/* A caller that does not read: what is refused can be sent later, and the request is as it was. */
static void a_caller_that_does_not_read(void) {
  struct wrong wrong;
  struct frame frame;
  start(&wrong, 4096);
  int fd = bare_client(&wrong), sent = 0, came = 0;
  bare_send(fd, 1, "keep", "[]");
  fast_request *request = take_kept(&wrong, 0);
  char value[1000];
  memset(value, '1', sizeof value);
  fast_code code;
  while ((code = fast_request_send(request, value, sizeof value)) >= 0) sent++;
  SAME(code, FAST_E_OVERLOAD);
  SAME(fast_request_end(request, value, sizeof value), FAST_E_OVERLOAD);
  SAME(fast_request_wait(request, 10), FAST_AGAIN);
  while ((code = fast_request_end(request, value, sizeof value)) == FAST_E_OVERLOAD) {
    CHECK(bare_next(fd, &frame) && frame.status == DATA);
    came += values_in(&frame);
    free(frame.payload);
  }
  SAME(code, FAST_OK);
  fast_request_free(request);
  for (bool ended = false; !ended; free(frame.payload)) {
    CHECK(bare_next(fd, &frame));
    ended = frame.status != DATA;
    came += values_in(&frame);
  }
  SAME(frame.status, END);
  SAME(came, sent + 1);
  close(fd);
  end(&wrong);
}

int main(void) {
  alarm(110);
  thousands_leave_nothing_behind();
  never_answered();
  answers_after_the_caller_is_gone();
  half_closed();
  a_caller_that_does_not_read();
  SAME(fast_shutdown(10000), FAST_OK);
  return 0;
}
