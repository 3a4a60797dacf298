/* The scenario runner of the C ABI; see README.md. */

#define _POSIX_C_SOURCE 200809L
#include <cjson/cJSON.h>
#include <fast.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Clients by target, for later lines. */
struct known {
  struct known *next;
  char *target;
  fast_client *client;
};

static struct known *clients;

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* An option that is no text is set from its JSON text: true, 5. */
static fast_code set_options(fast_config *config, const cJSON *options, fast_error **err) {
  fast_code code = FAST_OK;
  const cJSON *option;
  cJSON_ArrayForEach(option, options) {
    char *text = cJSON_IsString(option) ? NULL : cJSON_PrintUnformatted(option);
    if (code == FAST_OK) code = fast_config_set(config, option->string, text ? text : option->valuestring, err);
    free(text);
  }
  return code;
}

/* A client with the options given, or the one that is kept for the target; NULL on failure. */
static fast_client *client_for(const char *target, const cJSON *options, fast_error **err) {
  if (cJSON_IsObject(options)) {
    fast_config *config = fast_config_new();
    fast_client *once = set_options(config, options, err) < 0 ? NULL : fast_client_new(target, config, err);
    fast_config_free(config);
    return once;
  }
  for (struct known *known = clients; known; known = known->next)
    if (strcmp(known->target, target) == 0) return known->client;
  fast_client *client = fast_client_new(target, NULL, err);
  if (client) {
    struct known *known = malloc(sizeof *known);
    *known = (struct known){.next = clients, .target = strdup(target), .client = client};
    clients = known;
  }
  return client;
}

/* An option of a call that is 0 in fast_call_opts when it is not given, and -1 when it is given as 0. */
static int64_t own(const cJSON *options, const char *name) {
  const cJSON *option = cJSON_GetObjectItem(options, name);
  if (!cJSON_IsNumber(option)) return 0;
  return option->valuedouble > 0 ? (int64_t)option->valuedouble : option->valuedouble < 0 ? -2 : -1;
}

/* The flags of a call: `yes` if an option is given as true, `no` if as false. */
static uint32_t flag(const cJSON *options, const char *name, uint32_t yes, uint32_t no) {
  const cJSON *option = cJSON_GetObjectItem(options, name);
  return cJSON_IsTrue(option) ? yes : cJSON_IsFalse(option) ? no : 0;
}

static cJSON *parsed(fast_buf *bytes) {
  cJSON *values = cJSON_Parse(fast_buf_data(bytes));
  fast_buf_unref(bytes);
  return values;
}

/* Puts `values` into `result`, and of a buffered call their `count`. */
static fast_code run(fast_client *client, const cJSON *scenario, cJSON *result, fast_error **err) {
  const cJSON *options = cJSON_GetObjectItem(scenario, "options"), *args = cJSON_GetObjectItem(scenario, "args");
  const char *method = cJSON_GetStringValue(cJSON_GetObjectItem(scenario, "method"));
  fast_call_opts opts = {.struct_size = sizeof opts, .timeout_ms = own(options, "timeout_ms")};
  opts.retries = (int32_t)own(options, "retries");
  opts.flags = flag(options, "idempotent", FAST_CALL_IDEMPOTENT, FAST_CALL_NOT_IDEMPOTENT) |
               flag(options, "ignore_null_values", FAST_CALL_IGNORE_NULL_VALUES, FAST_CALL_REFUSE_NULL_VALUES);
  const cJSON *max_values = cJSON_GetObjectItem(scenario, "max_values");
  const cJSON *keys = cJSON_GetObjectItem(scenario, "keys");
  cJSON *values = NULL;
  char *text = args ? cJSON_PrintUnformatted(args) : strdup("[]");
  fast_buf *bytes = NULL;
  fast_code code;
  if (cJSON_IsTrue(cJSON_GetObjectItem(scenario, "stream"))) {
    fast_call *call = NULL;
    values = cJSON_CreateArray();
    code = fast_client_start(client, NULL, 0, method, FAST_NTS, text, FAST_NTS, &opts, &call, err);
    while (code == FAST_OK && (code = fast_call_next(call, -1, &bytes, err)) == FAST_OK)
      cJSON_AddItemToArray(values, parsed(bytes));
    fast_call_free(call);
  } else if (cJSON_IsNumber(keys)) {
    values = cJSON_CreateArray();
    code = FAST_OK;
    for (int i = 0; code == FAST_OK && i < keys->valueint; i++) {
      char key[32];
      opts.affinity = key;
      opts.affinity_len = (size_t)snprintf(key, sizeof key, "key-%d", i);
      code = fast_client_call(client, method, FAST_NTS, text, FAST_NTS, &opts, &bytes, err);
      if (code != FAST_OK) break;
      cJSON *answer = parsed(bytes);
      cJSON_AddItemToArray(values, cJSON_DetachItemFromArray(answer, 0));
      cJSON_Delete(answer);
    }
  } else if (cJSON_IsNumber(max_values)) {
    uint64_t most = (uint64_t)max_values->valuedouble, count = 0;
    code = fast_client_call_buffered(client, method, FAST_NTS, text, FAST_NTS, &opts, most, &bytes, &count, err);
    values = parsed(bytes);
    cJSON_AddNumberToObject(result, "count", (double)count);
  } else {
    code = fast_client_call(client, method, FAST_NTS, text, FAST_NTS, &opts, &bytes, err);
    values = code == FAST_OK ? parsed(bytes) : cJSON_CreateArray();
  }
  cJSON_AddItemToObject(result, "values", values);
  free(text);
  return code;
}

/* JSON text, or null if it is empty. */
static void add_json(cJSON *object, const char *name, const char *text) {
  cJSON_AddItemToObject(object, name, *text ? cJSON_Parse(text) : cJSON_CreateNull());
}

static cJSON *describe(const fast_error *err) {
  if (!err) return cJSON_CreateNull();
  cJSON *object = cJSON_CreateObject();
  cJSON_AddStringToObject(object, "code", fast_code_name(fast_error_code(err)));
  cJSON_AddStringToObject(object, "message", fast_error_message(err));
  cJSON_AddStringToObject(object, "endpoint", fast_error_endpoint(err));
  cJSON_AddBoolToObject(object, "retriable", fast_error_retriable(err));
  cJSON_AddStringToObject(object, "name", fast_error_remote_name(err));
  cJSON_AddStringToObject(object, "remote_message", fast_error_remote_message(err));
  cJSON_AddStringToObject(object, "cause_name", fast_error_cause_name(err));
  add_json(object, "info", fast_error_remote_info(err));
  add_json(object, "context", fast_error_remote_context(err));
  add_json(object, "ase_errors", fast_error_remote_ase_errors(err));
  add_json(object, "merged_info", fast_error_merged_info(err));
  return object;
}

int main(void) {
  char *line = NULL;
  size_t room = 0;
  while (getline(&line, &room, stdin) > 0) {
    cJSON *scenario = cJSON_Parse(line), *result = cJSON_CreateObject();
    const cJSON *options = cJSON_GetObjectItem(scenario, "client_options");
    const char *target = cJSON_GetStringValue(cJSON_GetObjectItem(scenario, "target"));
    fast_error *err = NULL;
    int64_t start = now_ms();
    fast_client *client = client_for(target, options, &err);
    if (client)
      run(client, scenario, result, &err);
    else
      cJSON_AddArrayToObject(result, "values");
    cJSON_AddNumberToObject(result, "ms", (double)(now_ms() - start));
    if (cJSON_IsObject(options)) fast_client_free(client);
    cJSON_AddItemToObject(result, "error", describe(err));
    fast_error_free(err);
    char *text = cJSON_PrintUnformatted(result);
    puts(text);
    fflush(stdout);
    free(text);
    cJSON_Delete(result);
    cJSON_Delete(scenario);
  }
  for (struct known *known; (known = clients);) {
    clients = known->next;
    fast_client_free(known->client);
    free(known->target);
    free(known);
  }
  free(line);
  return 0;
}
