/* libfast in C, as its users write it: `client blocking|queue client PORT ...`, as ../../src/contender.rs calls it. */

#include "meter.h"
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  struct order order = order_read(argc, argv);
  int status = strcmp(argv[1], "queue") == 0 ? queue(&order) : blocking(&order);
  free(order.args);
  return status;
}
