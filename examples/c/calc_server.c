/* The server of ../README.md: calc_server TARGET [NAME]
 *
 * One thread in a poll() loop serves everything: requests come through a queue, whose descriptor is watched beside the others.
 * What takes time becomes a job that the loop goes on with later. */

#define _POSIX_C_SOURCE 200809L
#include <cjson/cJSON.h>
#include <fast.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum method { ADD, ECHO, RANGE, SLOW, FAIL, METHODS };
static const char *const names[METHODS] = {"add", "echo", "range", "slow", "fail"};

/* A request that is answered over time. */
struct job {
  struct job *next;
  fast_request *request;
  enum method method;
  double argument;
  double sent;    /* `range`: values so far */
  int64_t due_ms; /* `slow`: when to answer */
  bool paused;    /* `range`: until the caller took what it has */
};

static struct job *jobs;
static const char *name = "c";
static fast_server *server;
static fast_queue *queue;
static int stop_pipe[2];

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sends a value, or ends with it, and frees it. */
static fast_code answer(fast_request *request, cJSON *value, bool last) {
  char *text = cJSON_PrintUnformatted(value);
  cJSON_Delete(value);
  fast_code code = last ? fast_request_end(request, text, FAST_NTS) : fast_request_send(request, text, FAST_NTS);
  free(text);
  return code;
}

static cJSON *with_number(const char *member, double number) {
  cJSON *object = cJSON_CreateObject();
  cJSON_AddNumberToObject(object, member, number);
  return object;
}

/* Goes on with a job; false once it is over. */
static bool work(struct job *job) {
  if (fast_request_cancelled(job->request)) return false;
  if (job->method == SLOW) {
    if (now_ms() < job->due_ms) return true;
    answer(job->request, with_number("slept", job->argument), true);
    return false;
  }
  while (!job->paused && job->sent < job->argument) {
    fast_code code = answer(job->request, with_number("value", job->sent++), false);
    if (code < 0) return false;
    job->paused = code == FAST_AGAIN; /* until FAST_EV_WRITABLE */
  }
  if (job->paused) return true;
  fast_request_end(job->request, NULL, 0);
  return false;
}

static void handle(fast_event *event) {
  fast_request *request = event->request;
  enum method method = (enum method)event->tag;
  cJSON *args = cJSON_Parse(fast_request_args(request, NULL)), *value;
  cJSON *first = cJSON_GetArrayItem(args, 0), *second = cJSON_GetArrayItem(args, 1);
  bool one = cJSON_IsNumber(first), two = one && cJSON_IsNumber(second);
  if (method == FAIL) {
    fast_request_fail(request, "CalcError", "asked to fail", "{\"code\": 42}");
  } else if (method == ECHO) {
    cJSON_ArrayForEach(value, args) {
      cJSON *object = cJSON_CreateObject();
      cJSON_AddItemToObject(object, "value", cJSON_Duplicate(value, true));
      answer(request, object, false);
    }
    fast_request_end(request, NULL, 0);
  } else if (method == ADD && two) {
    cJSON *sum = with_number("sum", first->valuedouble + second->valuedouble);
    cJSON_AddStringToObject(sum, "server", name);
    answer(request, sum, true);
  } else if (method != ADD && one) {
    struct job *job = calloc(1, sizeof *job);
    *job = (struct job){.next = jobs, .request = request, .method = method, .argument = first->valuedouble};
    job->due_ms = now_ms() + (int64_t)job->argument;
    event->request = NULL; /* the request is ours now */
    jobs = job;
  } else {
    fast_request_fail(request, "TypeError", "the arguments must be numbers", NULL);
  }
  cJSON_Delete(args);
}

/* True once the server has stopped. */
static bool take_events(void) {
  fast_event events[64];
  bool stopped = false;
  for (int64_t n; (n = fast_queue_poll(queue, events, 64, 0)) > 0; fast_events_release(events, (size_t)n)) {
    for (int64_t i = 0; i < n; i++) {
      if (events[i].kind == FAST_EV_REQUEST) handle(&events[i]);
      if (events[i].kind == FAST_EV_WAKE) stopped = true;
      if (events[i].kind != FAST_EV_WRITABLE) continue;
      for (struct job *job = jobs; job; job = job->next) job->paused &= fast_request_id(job->request) != events[i].id;
    }
  }
  return stopped;
}

/* Goes on with every job; returns how long the loop may sleep, for poll(). */
static int run_jobs(void) {
  int64_t sleep = -1;
  for (struct job **link = &jobs, *job; (job = *link);) {
    if (work(job)) {
      int64_t left = job->due_ms > now_ms() ? job->due_ms - now_ms() : 0;
      if (job->method == SLOW && (sleep < 0 || left < sleep)) sleep = left;
      link = &job->next;
    } else {
      *link = job->next;
      fast_request_free(job->request);
      free(job);
    }
  }
  return sleep > 60000 ? 60000 : (int)sleep;
}

/* Stopping waits for running requests, so another thread does it while the loop goes on. */
static void *stop(void *unused) {
  fast_server_stop(server, -1, NULL);
  fast_queue_wake(queue);
  return unused;
}

static void on_term(int signal) {
  (void)signal;
  if (write(stop_pipe[1], "", 1) < 0) _exit(1);
}

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "usage: calc_server TARGET [NAME]\n"), 2;
  if (argc > 2) name = argv[2];
  if (pipe(stop_pipe) < 0) return perror("pipe"), 1;
  sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_term}, NULL);

  fast_error *err = NULL;
  fast_config *config = fast_config_new();
  fast_config_set(config, "announce", argv[1], NULL);
  queue = fast_queue_new(NULL);
  server = fast_server_new(config, &err);
  for (uint64_t method = 0; server && method < METHODS; method++)
    fast_server_handle(server, names[method], FAST_NTS, queue, method, NULL);
  if (!server || fast_server_start(server, &err) < 0) return fprintf(stderr, "%s\n", fast_error_message(err)), 1;
  printf("listening %s\n", fast_server_address(server));
  fflush(stdout);

  struct pollfd fds[] = {{.fd = fast_queue_fd(queue), .events = POLLIN}, {.fd = stop_pipe[0], .events = POLLIN},
                         {.fd = STDIN_FILENO, .events = POLLIN}};
  pthread_t stopper;
  bool stopping = false;
  while (!take_events()) {
    poll(fds, stopping ? 1 : 3, run_jobs());
    char input[4096];
    bool ended = !stopping && fds[2].revents && read(STDIN_FILENO, input, sizeof input) <= 0;
    if (!stopping && (ended || fds[1].revents)) stopping = pthread_create(&stopper, NULL, stop, NULL) == 0;
  }
  pthread_join(stopper, NULL);
  run_jobs();
  fast_server_free(server);
  fast_queue_free(queue);
  fast_config_free(config);
  return 0;
}
