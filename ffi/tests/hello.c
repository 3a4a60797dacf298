/* A client and a server of one process, for valgrind: with a shutdown at the end nothing is left. */

#include "check.h"

int main(void) {
  struct server server;
  server_start(&server, NULL);
  fast_client *client = client_of(&server);
  check_echo(client);
  fast_error *err = NULL;
  SAME(code_of(client, "fail", &err), FAST_E_REMOTE);
  fast_error_free(err);
  fast_call *call = NULL;
  fast_buf *value = NULL;
  SAME(fast_client_start(client, NULL, 0, "range", FAST_NTS, "[100]", FAST_NTS, NULL, &call, NULL), FAST_OK);
  for (int i = 0; i < 10; i++) {
    SAME(fast_call_next(call, -1, &value, NULL), FAST_OK);
    fast_buf_unref(value);
  }
  fast_call_free(call);
  SAME(fast_server_stop(server.server, 1000, NULL), FAST_OK);
  fast_client_free(client);
  server_free(&server);
  SAME(fast_shutdown(60000), FAST_OK);
  return 0;
}
