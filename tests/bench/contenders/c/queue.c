/* Calls that complete in a queue, which one thread polls. */

#include "meter.h"
#include <stdlib.h>

enum { EVENTS = 256, WINDOW = 1024 };

struct running {
  fast_client *client;
  fast_call *call; /* of a stream, to grant more values */
  int64_t began;
  size_t came, to_grant;
};

static void start(const struct order *order, fast_queue *queue, struct running *running, uint64_t tag, int64_t time) {
  fast_call_opts opts = {.struct_size = sizeof opts, .window = WINDOW, .flags = order->stream ? 0 : FAST_CALL_COLLECT};
  fast_error *err = NULL;
  running->began = time;
  running->came = running->to_grant = 0;
  check(fast_client_start(running->client, queue, tag, order->method, FAST_NTS, order->args, order->args_len, &opts,
                          order->stream ? &running->call : NULL, &err),
        err, "start");
}

/* One value more of a stream. Granting for each would wake the library for each. */
static void value_came(struct running *running) {
  running->came++;
  if (++running->to_grant == WINDOW / 2) {
    check(fast_call_grant(running->call, WINDOW / 2), NULL, "grant");
    running->to_grant = 0;
  }
}

static void call_ended(const struct order *order, struct running *running, const fast_event *event) {
  check(event->code, event->error, "call");
  bool right = order->stream ? running->came == order->size : event->len > order->args_len;
  if (!right) check(FAST_E_PROTOCOL, NULL, "wrong answer");
  fast_call_free(running->call);
  running->call = NULL;
}

int queue(const struct order *order) {
  fast_queue *queue = fast_queue_new(NULL);
  int n = order->connections * order->in_flight, under_way = 0;
  struct running *running = calloc((size_t)n, sizeof *running);
  if (!queue || !running) check(FAST_E_NOMEM, NULL, "queue");
  for (int i = 0; i < n; i++) running[i].client = i % order->in_flight ? running[i - 1].client : connected(order);
  struct meter meter = meter_start(order);
  for (; under_way < n; under_way++) start(order, queue, &running[under_way], (uint64_t)under_way, now());
  while (under_way > 0) {
    fast_event events[EVENTS];
    int64_t came = fast_queue_poll(queue, events, EVENTS, -1);
    check((fast_code)came, NULL, "poll");
    int64_t time = now();
    for (int64_t i = 0; i < came; i++) {
      struct running *of = &running[events[i].tag];
      if (events[i].kind == FAST_EV_DATA) {
        value_came(of);
      } else if (events[i].kind == FAST_EV_DONE) {
        call_ended(order, of, &events[i]);
        if (meter_count(&meter, of->began, time)) start(order, queue, of, events[i].tag, time);
        else under_way--;
      }
    }
    fast_events_release(events, (size_t)came);
  }
  for (int i = 0; i < n; i += order->in_flight) fast_client_free(running[i].client);
  free(running);
  fast_queue_free(queue);
  meters_report(&meter, 1, order);
  return 0;
}
