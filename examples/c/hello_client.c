#include <fast.h>
#include <stdio.h>

int main(void) {
  fast_error *err = NULL;
  fast_buf *values = NULL;
  fast_client *client = fast_client_new("hello", NULL, &err);
  if (client != NULL) fast_client_call(client, "greet", FAST_NTS, "[\"world\"]", FAST_NTS, NULL, &values, &err);
  puts(values != NULL ? fast_buf_data(values) : fast_error_message(err));
  fast_buf_unref(values);
  fast_error_free(err);
  fast_client_free(client);
  return values == NULL;
}
