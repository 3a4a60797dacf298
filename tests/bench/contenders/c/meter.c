/* When to count, and what a client prints. */

#include "meter.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WARM_UP = 300000000 };

int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void *allocate(size_t size) {
  void *memory = malloc(size);
  if (!memory) {
    fputs("out of memory\n", stderr);
    exit(1);
  }
  return memory;
}

/* The text of the arguments of a call: a number of objects, or an object of `size` bytes. */
static void make_args(struct order *order) {
  static const char before[] = "[{\"id\":12345,\"name\":\"bench\",\"on\":true,\"text\":\"", after[] = "\"}]";
  size_t filled = sizeof before + sizeof after - 4;
  size_t filler = order->size > filled ? order->size - filled : 0;
  order->args = allocate(sizeof before + sizeof after + filler + 32);
  if (order->stream) {
    sprintf(order->args, "[%zu]", order->size);
  } else {
    memcpy(order->args, before, sizeof before - 1);
    memset(order->args + sizeof before - 1, 'x', filler);
    memcpy(order->args + sizeof before - 1 + filler, after, sizeof after);
  }
  order->args_len = strlen(order->args);
}

struct order order_read(int argc, char **argv) {
  if (argc != 11 || strcmp(argv[2], "client") != 0) {
    fputs("usage: client blocking|queue client PORT WORKLOAD SECONDS CONNECTIONS IN_FLIGHT METHOD SIZE UNITS\n", stderr);
    exit(2);
  }
  struct order order = {
      .duration = (int64_t)(atof(argv[5]) * 1e9),
      .connections = atoi(argv[6]),
      .in_flight = atoi(argv[7]),
      .method = argv[8],
      .stream = strcmp(argv[8], "stream") == 0,
      .size = strtoull(argv[9], NULL, 10),
      .units = strtoull(argv[10], NULL, 10),
  };
  snprintf(order.target, sizeof order.target, "127.0.0.1:%s", argv[3]);
  make_args(&order);
  return order;
}

struct meter meter_start(const struct order *order) {
  int64_t counting = now() + WARM_UP;
  int64_t *latencies = allocate(sizeof(int64_t) * LATENCIES);
  return (struct meter){.counting = counting, .duration = order->duration, .latencies = latencies};
}

bool meter_count(struct meter *meter, int64_t began, int64_t ended) {
  meter->made++;
  if (!meter->first) {
    if (ended >= meter->counting) meter->first = meter->last = ended;
  } else if (meter->last - meter->first < meter->duration) {
    meter->last = ended;
    meter->calls++;
    if (meter->kept < LATENCIES) meter->latencies[meter->kept++] = ended - began;
  }
  return meter->last - meter->first < meter->duration;
}

static int ascending(const void *a, const void *b) {
  int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
  return (left > right) - (left < right);
}

void meters_report(struct meter *meters, int n, const struct order *order) {
  uint64_t calls = 0, made = 0, kept = 0;
  double per_second = 0;
  for (int i = 0; i < n; i++) {
    calls += meters[i].calls;
    made += meters[i].made;
    kept += meters[i].kept;
    per_second += (double)(meters[i].calls * order->units) * 1e9 / (double)(meters[i].last - meters[i].first);
  }
  int64_t *all = allocate(sizeof(int64_t) * (kept + 1)), *end = all;
  for (int i = 0; i < n; i++) {
    memcpy(end, meters[i].latencies, sizeof(int64_t) * meters[i].kept);
    end += meters[i].kept;
    free(meters[i].latencies);
  }
  qsort(all, kept, sizeof *all, ascending);
  double at[3], quantiles[3] = {0.5, 0.99, 0.999};
  for (int i = 0; i < 3; i++) at[i] = kept ? (double)all[(uint64_t)((double)kept * quantiles[i])] / 1e3 : 0;
  printf("{\"per_second\":%f,\"calls\":%llu,\"made\":%llu,\"p50_us\":%f,\"p99_us\":%f,\"p999_us\":%f}\n", per_second,
         (unsigned long long)calls, (unsigned long long)made, at[0], at[1], at[2]);
  free(all);
}

void check(fast_code code, fast_error *err, const char *what) {
  if (code >= 0) return;
  fprintf(stderr, "%s: %s\n", what, err ? fast_error_message(err) : fast_code_name(code));
  exit(1);
}

fast_client *connected(const struct order *order) {
  fast_error *err = NULL;
  fast_client *client = fast_client_new(order->target, NULL, &err);
  if (!client) check(FAST_E_INVALID, err, "client");
  check(fast_client_ready(client, 5000, &err), err, "ready");
  return client;
}
