/* Serves the method "hello" until its input ends: hello_server TARGET */
#include <fast.h>
#include <stdio.h>

static void hello(void *user_data, fast_event *event) {
  (void)user_data;
  if (event->kind == FAST_EV_REQUEST) fast_request_end(event->request, "\"hello from C\"", FAST_NTS);
}

int main(int argc, char **argv) {
  fast_config *config = fast_config_new();
  fast_config_set(config, "announce", argc > 1 ? argv[1] : "hello", NULL);
  fast_server *server = fast_server_new(config, NULL);
  fast_queue *queue = fast_queue_new(NULL);
  fast_server_handle(server, "hello", FAST_NTS, queue, 0, NULL);
  fast_queue_dispatch(queue, 1, hello, NULL, NULL, NULL);
  fast_error *err = NULL;
  if (fast_server_start(server, &err) < 0) return fprintf(stderr, "%s\n", fast_error_message(err)), 1;
  printf("listening %s\n", fast_server_address(server));
  fflush(stdout);
  while (getchar() != EOF) continue;
  fast_server_stop(server, -1, NULL);
  fast_server_free(server);
  fast_queue_free(queue);
  fast_config_free(config);
  return 0;
}
