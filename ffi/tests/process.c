/* What the library does to its process: threads, signals, forks, shutdown. */

#include "check.h"
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

/* A thread that has only just started may not have come to it yet. */
static bool threads_block_all_signals(void) {
  DIR *folder = opendir("/proc/self/task");
  int seen = 0, blocking = 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    char path[300], line[200];
    if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid()) continue;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
    FILE *status = fopen(path, "r");
    if (!status) continue;
    while (fgets(line, sizeof line, status)) {
      if (strncmp(line, "SigBlk:", 7) != 0) continue;
      /* All but SIGKILL, SIGSTOP and the two that belong to the C library. */
      uint64_t blocked = strtoull(line + 7, NULL, 16), reserved = 1u << 8 | 1u << 18 | 3ull << 31;
      blocking += (blocked | reserved) == UINT64_MAX;
      seen++;
    }
    fclose(status);
  }
  closedir(folder);
  CHECK(seen > 5);
  return blocking == seen;
}

static int exit_code(pid_t child) {
  int status = 0;
  SAME(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

struct parent {
  struct server *server;
  fast_client *client;
  fast_queue *queue;
  fast_call *pulled, *queued;
  fast_request *request;
  fast_pick *pick;
};

/* Everything of the parent says so at once in the child, and new objects work. */
static void in_child(struct parent *p) {
  int64_t start = now_ms();
  fast_error *err = NULL;
  fast_buf *buf = NULL;
  fast_event event;
  SAME(code_of(p->client, "echo", &err), FAST_E_FORKED);
  check_error(err, FAST_E_FORKED, "fork");
  SAME(fast_client_ready(p->client, 10000, NULL), FAST_E_FORKED);
  SAME(fast_client_stats(p->client, &buf, NULL), FAST_E_FORKED);
  SAME(fast_client_close(p->client, 10000), FAST_E_FORKED);
  CHECK(!fast_client_pick(p->client, NULL));
  SAME(fast_client_start(p->client, p->queue, 0, "echo", FAST_NTS, NULL, 0, NULL, NULL, NULL), FAST_E_FORKED);
  SAME(fast_call_next(p->pulled, -1, &buf, NULL), FAST_E_FORKED);
  fast_call_abandon(p->pulled);
  fast_call_abandon(p->queued);
  fast_call_grant(p->queued, 1);
  SAME(fast_pick_report(p->pick, 1, true), FAST_E_FORKED);
  SAME(fast_queue_poll(p->queue, &event, 1, -1), FAST_E_FORKED);
  SAME(fast_queue_fd(p->queue), FAST_E_FORKED);
  fast_queue_wake(p->queue);
  SAME(fast_request_send(p->request, "1", 1), FAST_E_FORKED);
  SAME(fast_request_wait(p->request, 10000), FAST_E_FORKED);
  SAME(fast_request_end(p->request, NULL, 0), FAST_E_FORKED);
  SAME(fast_request_fail(p->request, "a", "b", NULL), FAST_E_FORKED);
  CHECK(fast_request_cancelled(p->request));
  SAME(fast_server_handle(p->server->server, "x", 1, p->queue, 0, NULL), FAST_E_FORKED);
  SAME(fast_server_start(p->server->server, NULL), FAST_E_FORKED);
  SAME(fast_server_stop(p->server->server, 10000, NULL), FAST_E_FORKED);
  char address[100];
  snprintf(address, sizeof address, "%s", fast_server_address(p->server->server));
  fast_call_free(p->pulled);
  fast_call_free(p->queued);
  fast_request_free(p->request);
  fast_pick_free(p->pick);
  fast_client_free(p->client);
  fast_queue_free(p->queue);
  server_free(p->server);
  CHECK(now_ms() - start < 1000);

  fast_client *client = fast_client_new(address, NULL, NULL), *named = fast_client_named("shared", address, NULL, NULL);
  check_echo(client);
  check_echo(named);
  struct server server;
  server_start(&server, NULL);
  fast_client *own = client_of(&server);
  check_echo(own);
  fast_client_free(own);
  fast_client_free(client);
  fast_client_free(named);
  server_free(&server);
  SAME(fast_shutdown(10000), FAST_OK);
}

static void forks(void) {
  struct server server;
  server_start(&server, NULL);
  struct parent p = {.server = &server, .client = client_of(&server), .queue = fast_queue_new(NULL)};
  fast_client *named = fast_client_named("shared", fast_server_address(server.server), NULL, NULL);
  check_echo(p.client);
  check_echo(named);
  p.pick = fast_client_pick(p.client, NULL);
  uint64_t generation = fast_fork_generation();
  CHECK(fast_queue_fd(p.queue) >= 0);
  SAME(fast_client_start(p.client, p.queue, 0, "echo", FAST_NTS, NULL, 0, NULL, &p.queued, NULL), FAST_OK);
  SAME(fast_client_start(p.client, NULL, 0, "hold", FAST_NTS, NULL, 0, NULL, &p.pulled, NULL), FAST_OK);
  p.request = server_take_held(&server);

  for (int i = 0; i < 20; i++) {
    pid_t child = fork();
    if (child == 0) {
      CHECK(fast_fork_generation() != generation);
      if (i % 2 == 0) in_child(&p);
      i % 4 < 2 ? exit(7) : _exit(7);
    }
    check_echo(p.client);
    SAME(exit_code(child), 7);
    check_echo(named);
  }
  CHECK(fast_fork_generation() == generation);
  fast_event event;
  SAME(fast_queue_poll(p.queue, &event, 1, 10000), 1);
  fast_events_release(&event, 1);
  SAME(fast_request_end(p.request, "1", 1), FAST_OK);
  fast_buf *value = NULL;
  SAME(fast_call_next(p.pulled, -1, &value, NULL), FAST_OK);
  fast_buf_unref(value);
  fast_call_free(p.pulled);
  fast_call_free(p.queued);
  fast_request_free(p.request);
  fast_pick_free(p.pick);
  fast_client_free(p.client);
  fast_client_free(named);
  fast_queue_free(p.queue);
  server_free(&server);
}

static void *pull(void *call) {
  fast_buf *value = NULL;
  SAME(fast_call_next(call, -1, &value, NULL), FAST_OK);
  fast_buf_unref(value);
  return NULL;
}

static void *poll_queue(void *queue) {
  fast_event event;
  SAME(fast_queue_poll(queue, &event, 1, -1), FAST_E_CLOSED);
  return NULL;
}

/* A fork while another thread waits in a function leaves the child no lock that nobody opens. */
static void fork_while_others_wait(void) {
  struct server server;
  server_start(&server, NULL);
  fast_client *client = client_of(&server);
  SAME(fast_client_ready(client, 10000, NULL), FAST_OK);
  fast_call *call = NULL;
  SAME(fast_client_start(client, NULL, 0, "hold", FAST_NTS, NULL, 0, NULL, &call, NULL), FAST_OK);
  fast_request *request = server_take_held(&server);
  pthread_t thread;
  int threads = entries("/proc/self/task");
  pthread_create(&thread, NULL, pull, call);
  WAIT_UNTIL(entries("/proc/self/task") > threads);
  for (int i = 0; i < 20; i++) {
    pid_t child = fork();
    if (child == 0) {
      fast_buf *value = NULL;
      SAME(fast_call_next(call, 1000, &value, NULL), FAST_E_FORKED);
      fast_call_free(call);
      _exit(7);
    }
    SAME(exit_code(child), 7);
  }
  fast_request_end(request, "1", 1);
  pthread_join(thread, NULL);
  fast_request_free(request);
  fast_call_free(call);
  fast_client_free(client);
  server_free(&server);
}

struct load {
  fast_client *client;
  atomic_bool stop;
};

static void *call_without_pause(void *user_data) {
  struct load *load = user_data;
  while (!atomic_load(&load->stop)) {
    check_echo(load->client);
    SAME(code_of(load->client, "fail", NULL), FAST_E_REMOTE);
  }
  return NULL;
}

static void *scrape_without_pause(void *user_data) {
  struct load *load = user_data;
  while (!atomic_load(&load->stop)) {
    fast_buf *text = NULL;
    SAME(fast_metrics_text(&text, NULL), FAST_OK);
    CHECK(strstr(fast_buf_data(text), "rpc_server_call_duration_seconds_count"));
    fast_buf_unref(text);
  }
  return NULL;
}

/* A fork in the middle of anything: what the parent's threads had locked, the child does not need. */
static void fork_under_load(void) {
  struct server server;
  server_start(&server, NULL);
  struct load load = {.client = client_of(&server)};
  check_echo(load.client);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, i ? call_without_pause : scrape_without_pause, &load);
  for (int i = 0; i < 200; i++) {
    pid_t child = fork();
    if (child == 0) {
      alarm(20);
      fast_client *client = fast_client_new(fast_server_address(server.server), NULL, NULL);
      check_echo(client);
      SAME(code_of(client, "fail", NULL), FAST_E_REMOTE);
      fast_buf *text = NULL;
      SAME(fast_metrics_text(&text, NULL), FAST_OK);
      fast_buf_unref(text);
      fast_client_free(client);
      _exit(7);
    }
    SAME(exit_code(child), 7);
  }
  atomic_store(&load.stop, true);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  fast_client_free(load.client);
  server_free(&server);
}

/* Objects of before are closed, those who wait are told, threads end, and what is made afterwards works. */
static void shutdown_ends_threads(void) {
  for (int i = 0; i < 3; i++) {
    int threads = entries("/proc/self/task");
    struct server server;
    server_start(&server, NULL);
    fast_client *client = client_of(&server);
    check_echo(client);
    WAIT_UNTIL(threads_block_all_signals());
    fast_queue *queue = fast_queue_new(NULL);
    pthread_t waiting;
    pthread_create(&waiting, NULL, poll_queue, queue);
    fast_call *call = NULL;
    SAME(fast_client_start(client, NULL, 0, "hold", FAST_NTS, NULL, 0, NULL, &call, NULL), FAST_OK);
    fast_request *request = server_take_held(&server);
    SAME(fast_shutdown(10000), FAST_OK);
    SAME(fast_shutdown(10000), FAST_OK);
    pthread_join(waiting, NULL);
    SAME(code_of(client, "echo", NULL), FAST_E_CLOSED);
    SAME(fast_client_close(client, 1000), FAST_E_CLOSED);
    SAME(fast_call_next(call, -1, &(fast_buf *){NULL}, NULL), FAST_E_CLOSED);
    SAME(fast_request_end(request, NULL, 0), FAST_E_CLOSED);
    SAME(fast_server_stop(server.server, 0, NULL), FAST_E_CLOSED);
    fast_call_free(call);
    fast_request_free(request);
    fast_client_free(client);
    fast_queue_free(queue);
    server_free(&server);
    WAIT_UNTIL(entries("/proc/self/task") == threads);
  }
}

int main(void) {
  alarm(60);
  shutdown_ends_threads();
#ifndef __SANITIZE_ADDRESS__ /* whose allocator's locks are not opened in a forked child */
  forks();
  fork_while_others_wait();
  fork_under_load();
#else
  (void)forks, (void)fork_while_others_wait, (void)fork_under_load;
#endif
  SAME(fast_shutdown(10000), FAST_OK);
  return 0;
}
