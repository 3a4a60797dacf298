/* Peers that vanish: no SIGPIPE in a process that leaves its default, on any thread; and everybody is told. */

#include "check.h"
#include <signal.h>
#include <sys/wait.h>

enum { ROUNDS = 10 };

static char folder[] = "/tmp/fast-peers-XXXXXX";

static void kill_and_wait(pid_t child) {
  kill(child, SIGKILL);
  SAME(waitpid(child, NULL, 0), child);
}

/* The caller dies; the server's own thread and the program's go on writing to it. */
static void caller_dies(const char *listen) {
  struct server server;
  server_start(&server, listen);
  for (int i = 0; i < ROUNDS; i++) {
    pid_t child = fork();
    if (child == 0) {
      char address[200];
      snprintf(address, sizeof address, "%s", fast_server_address(server.server));
      fast_client *client = fast_client_new(address, NULL, NULL);
      SAME(fast_client_ready(client, 10000, NULL), FAST_OK);
      fast_call *stream = NULL;
      SAME(fast_client_start(client, NULL, 0, "range", FAST_NTS, "[1000000]", FAST_NTS, NULL, &stream, NULL), FAST_OK);
      code_of(client, "hold", NULL);
      _exit(0);
    }
    fast_request *request = server_take_held(&server);
    kill_and_wait(child);
    fast_code code = FAST_OK;
    while (code >= 0) code = code == FAST_OK ? fast_request_send(request, "\"value\"", FAST_NTS) : fast_request_wait(request, 10000);
    SAME(code, FAST_E_CLOSED);
    WAIT_UNTIL(fast_request_cancelled(request)); /* told by the connection, just after */
    fast_request_free(request);
  }
  server_free(&server);
}

/* The server dies while it is called without a pause. */
static void server_dies(const char *listen) {
  for (int i = 0; i < ROUNDS; i++) {
    int told[2];
    char address[200] = "";
    SAME(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
      struct server server;
      server_start(&server, listen);
      const char *text = fast_server_address(server.server);
      CHECK(write(told[1], text, strlen(text)) > 0);
      for (;;) pause();
    }
    CHECK(read(told[0], address, sizeof address - 1) > 0);
    close(told[0]);
    close(told[1]);
    fast_client *client = fast_client_new(address, NULL, NULL);
    for (int n = 0; n < 20; n++) check_echo(client);
    kill(child, SIGKILL);
    fast_error *err = NULL;
    while (code_of(client, "echo", &err) == FAST_OK) continue;
    fast_code code = fast_error_code(err);
    CHECK(code == FAST_E_CONN_LOST || code == FAST_E_CONNECT);
    fast_error_free(err);
    SAME(waitpid(child, NULL, 0), child);
    fast_client_free(client);
    if (listen) unlink(listen + strlen("unix:"));
  }
}

int main(void) {
  alarm(60);
  CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR && mkdtemp(folder));
  char path[100];
  snprintf(path, sizeof path, "unix:%s/socket", folder);
  caller_dies(NULL);
  caller_dies(path);
  server_dies(NULL);
  server_dies(path);
  SAME(fast_shutdown(10000), FAST_OK);
  SAME(rmdir(folder), 0);
  return 0;
}
