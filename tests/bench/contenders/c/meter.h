/* What a client was told, and what it measures. As ../../src/measured.rs. */

#ifndef METER_H
#define METER_H

#include <fast.h>
#include <stdbool.h>
#include <stdint.h>

/* Latencies kept by one meter; later calls are counted without. */
enum { LATENCIES = 1 << 22 };

struct order {
  char target[32];
  int64_t duration; /* ns */
  int connections, in_flight;
  bool stream;
  const char *method;
  char *args; /* JSON text */
  size_t args_len, size;
  uint64_t units;
};

/* Of one thread. */
struct meter {
  int64_t counting, duration, first, last; /* ns; the measured time is from `first` to `last`, 0 before it began */
  uint64_t calls, made, kept;
  int64_t *latencies;
};

int64_t now(void);

/* Reads the command line, or ends the program. */
struct order order_read(int argc, char **argv);

/* The warm-up begins. */
struct meter meter_start(const struct order *order);

/* Counts one call; false once the time is over. */
bool meter_count(struct meter *meter, int64_t began, int64_t ended);

/* Prints the line of a client whose connections were measured by `n` meters; frees them. */
void meters_report(struct meter *meters, int n, const struct order *order);

/* Ends the program if `code` is a failure. */
void check(fast_code code, fast_error *err, const char *what);

/* A connected client. */
fast_client *connected(const struct order *order);

int blocking(const struct order *order);
int queue(const struct order *order);

#endif
