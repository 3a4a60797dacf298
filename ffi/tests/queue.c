/* Queues: descriptor, counts, order, dispatchers. */

#include "check.h"
#include <sys/epoll.h>

enum { MANY = 10000 };

static bool readable(int fd) { return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1; }

static void wait_readable(int fd) { SAME(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 10000), 1); }

/* Readable while events wait, not before and not after; also if the descriptor is asked for late. */
static void descriptor_has_level_semantics(fast_client *client) {
  fast_queue *queue = fast_queue_new(NULL);
  fast_event events[4];
  fast_queue_wake(queue);
  int fd = fast_queue_fd(queue);
  SAME(fast_queue_fd(queue), fd);
  CHECK(readable(fd));
  SAME(fast_queue_poll(queue, events, 4, 0), 1);
  SAME(events[0].kind, FAST_EV_WAKE);
  SAME(fast_queue_poll(queue, events, 4, 0), 0);
  CHECK(!readable(fd));
  for (int i = 0; i < 3; i++) fast_queue_wake(queue);
  SAME(fast_queue_poll(queue, events, 1, 0), 1);
  CHECK(readable(fd));
  SAME(fast_queue_poll(queue, events, 4, 0), 2);
  CHECK(!readable(fd));

  /* Edge triggered, and drained at each edge: nothing is missed. */
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event interest = {.events = EPOLLIN | EPOLLET};
  SAME(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest), 0);
  for (int i = 0; i < 100; i++) {
    SAME(fast_client_start(client, queue, 5, "echo", FAST_NTS, "[]", FAST_NTS, NULL, NULL, NULL), FAST_OK);
    for (bool done = false; !done;) {
      SAME(epoll_wait(epoll, &interest, 1, 10000), 1);
      for (int64_t n; (n = fast_queue_poll(queue, events, 4, 0)) > 0; fast_events_release(events, (size_t)n))
        done = events[n - 1].kind == FAST_EV_DONE;
    }
  }
  close(epoll);
  fast_queue_free(queue);
}

static void many_calls_are_counted_exactly(fast_client *client) {
  static char state[MANY];
  fast_queue *queue = fast_queue_new(NULL);
  int fd = fast_queue_fd(queue), started = 0, done = 0;
  fast_call_opts opts = {.struct_size = sizeof opts, .flags = FAST_CALL_COLLECT};
  while (done < MANY) {
    /* Every other call has its value in an event of its own. */
    for (; started < MANY && started - done < 1000; started++)
      SAME(fast_client_start(client, queue, (uint64_t)started, "echo", FAST_NTS, "[7]", FAST_NTS, started % 2 ? &opts : NULL,
                             NULL, NULL), FAST_OK);
    wait_readable(fd);
    fast_event events[64];
    int64_t n = fast_queue_poll(queue, events, 64, 0);
    for (int64_t i = 0; i < n; i++) {
      char *seen = &state[events[i].tag];
      if (events[i].kind == FAST_EV_DATA) {
        CHECK(events[i].tag % 2 == 0 && *seen == 0 && strcmp(events[i].data, "[7]") == 0 && events[i].len == 3);
        *seen = 1;
      } else {
        SAME(events[i].kind, FAST_EV_DONE);
        SAME(events[i].code, FAST_OK);
        CHECK(events[i].tag % 2 ? *seen == 0 && strcmp(events[i].data, "[[7]]") == 0 : *seen == 1);
        *seen = 2;
        done++;
      }
    }
    CHECK(n >= 0);
    fast_events_release(events, (size_t)n);
    fast_events_release(events, (size_t)n); /* does nothing */
  }
  SAME(fast_queue_poll(queue, &(fast_event){0}, 1, 20), 0);
  fast_queue_free(queue);
}

/* A window of 2 hands out two values until more are granted; abandoning ends the call. */
static void windows_and_abandoning(fast_client *client) {
  fast_queue *queue = fast_queue_new(NULL);
  fast_call_opts opts = {.struct_size = sizeof opts, .window = 2};
  fast_call *call = NULL;
  fast_event event;
  SAME(fast_client_start(client, queue, 1, "range", FAST_NTS, "[100]", FAST_NTS, &opts, &call, NULL), FAST_OK);
  for (int i = 0; i < 5; i++) {
    if (i == 2) {
      SAME(fast_queue_poll(queue, &event, 1, 50), 0);
      SAME(fast_call_grant(call, 3), FAST_OK);
    }
    SAME(fast_queue_poll(queue, &event, 1, 10000), 1);
    SAME(event.kind, FAST_EV_DATA);
    CHECK(event.data[0] == '0' + i);
    fast_events_release(&event, 1);
  }
  SAME(fast_call_next(call, 0, &(fast_buf *){NULL}, NULL), FAST_E_STATE);
  fast_call_free(call);
  SAME(fast_queue_poll(queue, &event, 1, 10000), 1);
  SAME(event.kind, FAST_EV_DONE);
  SAME(event.code, FAST_E_ABANDONED);
  fast_events_release(&event, 1);
  SAME(fast_queue_poll(queue, &event, 1, 0), 0);
  fast_queue_free(queue);
}

struct dispatched {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  fast_client *client;
  fast_queue *queue;
  bool release;
  int blocked, done, freed;
  uint64_t next[4];
};

static void count(struct dispatched *of, int *number) {
  pthread_mutex_lock(&of->lock);
  ++*number;
  pthread_cond_broadcast(&of->changed);
  pthread_mutex_unlock(&of->lock);
}

static void wait_for(struct dispatched *of, const int *number, int least) {
  pthread_mutex_lock(&of->lock);
  while (*number < least) pthread_cond_wait(&of->changed, &of->lock);
  pthread_mutex_unlock(&of->lock);
}

static void dispatch(void *user_data, fast_event *event) {
  struct dispatched *of = user_data;
  if (event->kind == FAST_EV_WAKE) { /* stays until it is let go */
    count(of, &of->blocked);
    pthread_mutex_lock(&of->lock);
    while (!of->release) pthread_cond_wait(&of->changed, &of->lock);
    pthread_mutex_unlock(&of->lock);
  } else if (event->kind == FAST_EV_DATA && event->tag < 4) {
    CHECK(strtoull(event->data, NULL, 10) == of->next[event->tag]++); /* in order */
  } else if (event->kind == FAST_EV_DONE) {
    SAME(event->code, FAST_OK);
    check_echo(of->client); /* may wait, for a call, too */
    SAME(fast_queue_poll(of->queue, event, 1, -1), FAST_E_DEADLOCK);
    fast_queue_free(of->queue); /* does nothing */
    SAME(fast_shutdown(0), FAST_E_DEADLOCK);
    count(of, &of->done);
  }
}

static void forget(void *user_data) {
  struct dispatched *of = user_data;
  of->freed++;
}

/* Events go to any free thread, though those of one call stay in order; a callback that blocks holds up nothing else. */
static void dispatchers(fast_client *client) {
  struct dispatched of = {.client = client, .queue = fast_queue_new(NULL)};
  pthread_mutex_init(&of.lock, NULL);
  pthread_cond_init(&of.changed, NULL);
  fast_error *err = NULL;
  SAME(fast_queue_dispatch(of.queue, 0, dispatch, &of, forget, NULL), FAST_E_INVALID);
  SAME(of.freed, 0);
  SAME(fast_queue_dispatch(of.queue, 3, dispatch, &of, forget, NULL), FAST_OK);
  SAME(fast_queue_dispatch(of.queue, 3, dispatch, &of, forget, &err), FAST_E_STATE);
  check_error(err, FAST_E_STATE, "dispatcher");
  SAME(fast_queue_poll(of.queue, &(fast_event){0}, 1, 0), FAST_E_STATE);

  fast_queue_wake(of.queue);
  wait_for(&of, &of.blocked, 1);
  fast_call_opts opts = {.struct_size = sizeof opts, .window = 1000};
  for (uint64_t tag = 0; tag < 200; tag++)
    SAME(fast_client_start(client, of.queue, tag, tag < 4 ? "range" : "echo", FAST_NTS, "[500]", FAST_NTS, &opts, NULL, NULL),
         FAST_OK);
  wait_for(&of, &of.done, 200);
  for (int i = 0; i < 4; i++) SAME((int64_t)of.next[i], 500);
  SAME(of.freed, 0);
  pthread_mutex_lock(&of.lock);
  of.release = true;
  pthread_cond_broadcast(&of.changed);
  pthread_mutex_unlock(&of.lock);
  fast_queue_free(of.queue);
  SAME(of.freed, 1);
}

/* Requests that wait in a queue which is freed, or that come later, are answered as dropped. */
static void freed_queue_drops_requests(void) {
  fast_server *server = fast_server_new(NULL, NULL);
  fast_queue *queue = fast_queue_new(NULL), *calls = fast_queue_new(NULL);
  SAME(fast_server_handle(server, "wait", FAST_NTS, queue, 0, NULL), FAST_OK);
  SAME(fast_server_start(server, NULL), FAST_OK);
  fast_client *client = fast_client_new(fast_server_address(server), NULL, NULL);
  SAME(fast_client_ready(client, 10000, NULL), FAST_OK);
  fast_event event;
  for (int i = 0; i < 2; i++) {
    SAME(fast_client_start(client, calls, 0, "wait", FAST_NTS, NULL, 0, NULL, NULL, NULL), FAST_OK);
    if (i == 0) { /* the first one waits in the queue when that goes */
      SAME(fast_queue_poll(calls, &event, 1, 0), 0);
      wait_readable(fast_queue_fd(queue));
      fast_queue_free(queue);
    }
    SAME(fast_queue_poll(calls, &event, 1, 10000), 1);
    SAME(event.code, FAST_E_REMOTE);
    CHECK(strcmp(fast_error_remote_name(event.error), "HandlerDropped") == 0);
    fast_events_release(&event, 1);
  }
  fast_client_free(client);
  fast_queue_free(calls);
  fast_server_free(server);
}

int main(void) {
  struct server server;
  server_start(&server, NULL);
  fast_client *client = client_of(&server);
  descriptor_has_level_semantics(client);
  many_calls_are_counted_exactly(client);
  windows_and_abandoning(client);
  dispatchers(client);
  freed_queue_drops_requests();
  fast_client_free(client);
  server_free(&server);
  SAME(fast_shutdown(10000), FAST_OK);
  return 0;
}
