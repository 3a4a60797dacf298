/* Calls that wait, each connection on a thread of its own. */

#include "meter.h"
#include <pthread.h>
#include <stdlib.h>

struct thread {
  pthread_t id;
  const struct order *order;
  fast_client *client;
  struct meter meter;
};

/* The number of values of one call. */
static size_t call(const struct order *order, fast_client *client) {
  fast_error *err = NULL;
  fast_buf *values = NULL;
  if (!order->stream) {
    check(fast_client_call(client, order->method, FAST_NTS, order->args, order->args_len, NULL, &values, &err), err, "call");
    size_t whole = fast_buf_len(values) > order->args_len;
    fast_buf_unref(values);
    return whole;
  }
  fast_call *call = NULL;
  check(fast_client_start(client, NULL, 0, order->method, FAST_NTS, order->args, order->args_len, NULL, &call, &err), err,
        "start");
  size_t came = 0;
  fast_code code;
  for (; (code = fast_call_next(call, -1, &values, &err)) == FAST_OK; came++) fast_buf_unref(values);
  check(code, err, "stream");
  fast_call_free(call);
  return came;
}

static void *work(void *argument) {
  struct thread *thread = argument;
  size_t expected = thread->order->stream ? thread->order->size : 1;
  int64_t began, ended = now();
  do {
    began = ended;
    if (call(thread->order, thread->client) != expected) check(FAST_E_PROTOCOL, NULL, "wrong answer");
    ended = now();
  } while (meter_count(&thread->meter, began, ended));
  return NULL;
}

int blocking(const struct order *order) {
  int n = order->connections;
  struct thread *threads = calloc((size_t)n, sizeof *threads);
  struct meter *meters = calloc((size_t)n, sizeof *meters);
  if (!threads || !meters) check(FAST_E_NOMEM, NULL, "threads");
  for (int i = 0; i < n; i++) threads[i] = (struct thread){.order = order, .client = connected(order)};
  for (int i = 0; i < n; i++) {
    threads[i].meter = meter_start(order);
    if (pthread_create(&threads[i].id, NULL, work, &threads[i])) check(FAST_E_NOMEM, NULL, "thread");
  }
  for (int i = 0; i < n; i++) {
    pthread_join(threads[i].id, NULL);
    meters[i] = threads[i].meter;
    fast_client_free(threads[i].client);
  }
  meters_report(meters, n, order);
  free(threads);
  free(meters);
  return 0;
}
