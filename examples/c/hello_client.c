/* Calls the method "hello": hello_client TARGET */
#include <fast.h>
#include <stdio.h>

int main(int argc, char **argv) {
  fast_error *err = NULL;
  fast_buf *values = NULL;
  fast_client *client = fast_client_new(argc > 1 ? argv[1] : "hello", NULL, &err);
  fast_code code = fast_client_call(client, "hello", FAST_NTS, "[]", FAST_NTS, NULL, &values, client ? &err : NULL);
  puts(code < 0 ? fast_error_message(err) : fast_buf_data(values));
  fast_buf_unref(values);
  fast_error_free(err);
  fast_client_free(client);
  return code < 0;
}
