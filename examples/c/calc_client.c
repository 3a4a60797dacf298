/* The client of ../README.md: calc_client TARGET */

#define _POSIX_C_SOURCE 200809L
#include <cjson/cJSON.h>
#include <fast.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CALLS = 1000 };

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int ascending(const void *a, const void *b) {
  int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
  return (left > right) - (left < right);
}

static void complain(const char *what, fast_error *err) {
  fprintf(stderr, "%s: %s\n", what, err ? fast_error_message(err) : "wrong answer");
  fast_error_free(err);
}

/* One call of `add`; false if it failed. The server that answered is counted in `servers`. */
static bool add(fast_client *calc, int i, cJSON *servers) {
  fast_call_opts opts = {.struct_size = sizeof opts, .flags = FAST_CALL_IDEMPOTENT};
  fast_error *err = NULL;
  fast_buf *values = NULL;
  char args[32];
  snprintf(args, sizeof args, "[%d, 1]", i);
  if (fast_client_call(calc, "add", FAST_NTS, args, FAST_NTS, &opts, &values, &err) < 0) {
    complain("add", err);
    return false;
  }
  cJSON *answers = cJSON_Parse(fast_buf_data(values));
  fast_buf_unref(values);
  cJSON *answer = cJSON_GetArrayItem(answers, 0);
  cJSON *sum = cJSON_GetObjectItem(answer, "sum"), *server = cJSON_GetObjectItem(answer, "server");
  bool right = cJSON_GetArraySize(answers) == 1 && cJSON_IsNumber(sum) && sum->valuedouble == i + 1 && cJSON_IsString(server);
  if (right) {
    cJSON *count = cJSON_GetObjectItem(servers, server->valuestring);
    if (count) cJSON_SetNumberValue(count, count->valuedouble + 1);
    else cJSON_AddNumberToObject(servers, server->valuestring, 1);
  } else {
    complain("add", NULL);
  }
  cJSON_Delete(answers);
  return right;
}

/* Reads the stream of `range`; returns how many values were right. */
static int range(fast_client *calc) {
  fast_error *err = NULL;
  fast_call *call = NULL;
  fast_buf *value = NULL;
  int right = 0;
  fast_code code = fast_client_start(calc, NULL, 0, "range", FAST_NTS, "[1000]", FAST_NTS, NULL, &call, &err);
  while (code == FAST_OK && (code = fast_call_next(call, -1, &value, &err)) == FAST_OK) {
    cJSON *object = cJSON_Parse(fast_buf_data(value)), *number = cJSON_GetObjectItem(object, "value");
    right += cJSON_IsNumber(number) && number->valuedouble == right;
    cJSON_Delete(object);
    fast_buf_unref(value);
  }
  if (code < 0) complain("range", err);
  fast_call_free(call);
  return right;
}

/* Adds the code, and for a server's own error the name, of a call that should fail. */
static void add_failure(cJSON *summary, const char *member, fast_client *calc, const char *method, const char *args,
                        int64_t timeout_ms) {
  fast_call_opts opts = {.struct_size = sizeof opts, .timeout_ms = timeout_ms};
  fast_error *err = NULL;
  fast_buf *values = NULL;
  char text[256] = "";
  fast_code code = fast_client_call(calc, method, FAST_NTS, args, FAST_NTS, &opts, &values, &err);
  const char *name = fast_error_remote_name(err);
  if (code < 0) snprintf(text, sizeof text, "%s%s%s", fast_code_name(code), *name ? " " : "", name);
  cJSON_AddStringToObject(summary, member, text);
  fast_buf_unref(values);
  fast_error_free(err);
}

int main(int argc, char **argv) {
  static int64_t times[CALLS];
  if (argc < 2) return fprintf(stderr, "usage: calc_client TARGET\n"), 2;
  fast_error *err = NULL;
  fast_config *config = fast_config_new();
  fast_config_set(config, "policy", "round_robin", NULL);
  fast_client *calc = fast_client_new(argv[1], config, &err);
  fast_config_free(config);
  if (!calc) return complain(argv[1], err), 1;

  int ok = 0;
  cJSON *summary = cJSON_CreateObject(), *servers = cJSON_CreateObject();
  for (int i = 0; i < CALLS; i++) {
    int64_t start = now_us();
    if (add(calc, i, servers)) times[ok++] = now_us() - start;
  }
  qsort(times, (size_t)ok, sizeof *times, ascending);
  cJSON_AddStringToObject(summary, "language", "c");
  cJSON_AddNumberToObject(summary, "ok", ok);
  cJSON_AddNumberToObject(summary, "failed", CALLS - ok);
  cJSON_AddNumberToObject(summary, "values", range(calc));
  cJSON_AddItemToObject(summary, "servers", servers);
  cJSON_AddNumberToObject(summary, "p50_us", (double)times[ok / 2]);
  cJSON_AddNumberToObject(summary, "p99_us", (double)times[ok * 99 / 100]);
  add_failure(summary, "error", calc, "fail", "[]", 0);
  add_failure(summary, "timeout", calc, "slow", "[10000]", 100);

  char *line = cJSON_PrintUnformatted(summary);
  puts(line);
  free(line);
  cJSON_Delete(summary);
  fast_client_free(calc);
  return 0;
}
