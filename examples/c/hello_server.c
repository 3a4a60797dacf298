#include <fast.h>
#include <stdio.h>
#include <unistd.h>

static void greet(void *user_data, fast_event *event) {
  char name[64] = "", text[128];
  (void)user_data;
  if (event->kind != FAST_EV_REQUEST) return;
  sscanf(fast_request_args(event->request, NULL), "[\"%63[^\"\\]\"]", name);
  snprintf(text, sizeof text, "\"Hello, %s!\"", name);
  fast_request_end(event->request, text, FAST_NTS);
}

int main(void) {
  fast_config *config = fast_config_new();
  fast_config_set(config, "announce", "hello", NULL);
  fast_error *err = NULL;
  fast_server *server = fast_server_new(config, NULL);
  fast_queue *queue = fast_queue_new(NULL);
  fast_server_handle(server, "greet", FAST_NTS, queue, 0, NULL);
  fast_queue_dispatch(queue, 4, greet, NULL, NULL, NULL);
  if (fast_server_start(server, &err) < 0) return fprintf(stderr, "%s\n", fast_error_message(err)), 1;
  printf("listening %s\n", fast_server_address(server));
  fflush(stdout);
  for (;;) pause();
}
