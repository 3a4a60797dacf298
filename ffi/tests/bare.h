/* A caller made of a bare socket, which sees every frame. */

#ifndef BARE_H
#define BARE_H

#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { DATA = 1, END = 2, ERROR = 3, HEADER = 15 };

/* A frame; `payload` ends with a NUL and is to be freed. */
struct frame {
  int status;
  uint32_t id;
  char *payload;
};

static inline int bare_connect(const char *address) {
  const char *port = strrchr(address, ':');
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port + 1))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  SAME(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
  SAME(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  return fd;
}

/* CRC-16/ARC. */
static inline uint32_t checksum(const char *text, size_t len) {
  uint32_t crc = 0;
  for (size_t i = 0; i < len; i++) {
    crc ^= (unsigned char)text[i];
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
  }
  return crc;
}

static inline void put_number(char *at, uint32_t number) {
  number = htonl(number);
  memcpy(at, &number, 4);
}

static inline uint32_t number_at(const char *at) {
  uint32_t number;
  memcpy(&number, at, 4);
  return ntohl(number);
}

static inline void bare_send(int fd, uint32_t id, const char *method, const char *args) {
  size_t room = HEADER + strlen(method) + strlen(args) + 40;
  char *message = malloc(room);
  int len = snprintf(message + HEADER, room - HEADER, "{\"m\":{\"name\":\"%s\"},\"d\":%s}", method, args);
  memcpy(message, (char[]){2, 1, DATA}, 3);
  put_number(message + 3, id);
  put_number(message + 7, checksum(message + HEADER, (size_t)len));
  put_number(message + 11, (uint32_t)len);
  for (ssize_t sent = 0, all = HEADER + len, n; sent < all; sent += n) {
    n = send(fd, message + sent, (size_t)(all - sent), MSG_NOSIGNAL);
    CHECK(n > 0);
  }
  free(message);
}

/* False at the end of the stream, if that comes before the first byte. */
static inline bool bare_read(int fd, char *into, size_t len) {
  for (size_t have = 0; have < len;) {
    SAME(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 20000), 1);
    ssize_t n = read(fd, into + have, len - have);
    if (n == 0 && have == 0) return false;
    CHECK(n > 0);
    have += (size_t)n;
  }
  return true;
}

/* The next frame; false at the end of the stream. */
static inline bool bare_next(int fd, struct frame *frame) {
  char header[HEADER];
  if (!bare_read(fd, header, HEADER)) return false;
  size_t len = number_at(header + 11);
  *frame = (struct frame){.status = header[2], .id = number_at(header + 3), .payload = malloc(len + 1)};
  CHECK(bare_read(fd, frame->payload, len));
  frame->payload[len] = 0;
  return true;
}

/* Closes with a reset: gone for good, not only for sending. */
static inline void bare_reset(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  SAME(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
  close(fd);
}

#endif
