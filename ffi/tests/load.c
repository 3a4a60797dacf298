/* load LIBRARY: loading and unloading does nothing that can be seen, and the code stays. */

#include "check.h"
#include <dlfcn.h>

static const char *path;

/* Also from a thread that ends, whose thread locals go with it. */
static void *open_and_close(void *unused) {
  for (int i = 0; i < 100; i++) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fprintf(stderr, "%s\n", dlerror());
    CHECK(library);
    uint32_t (*version)(void);
    *(void **)&version = dlsym(library, "fast_version");
    SAME(version(), FAST_VERSION_NUM);
    SAME(dlclose(library), 0);
  }
  return unused;
}

int main(int argc, char **argv) {
  SAME(argc, 2);
  path = argv[1];
  int threads = entries("/proc/self/task"), fds = entries("/proc/self/fd");
  open_and_close(NULL);
  SAME(entries("/proc/self/task"), threads);
  SAME(entries("/proc/self/fd"), fds);

  pthread_t thread;
  pthread_create(&thread, NULL, open_and_close, NULL);
  pthread_join(thread, NULL);

  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  fast_queue *(*queue_new)(fast_error **);
  void (*queue_free)(fast_queue *);
  *(void **)&queue_new = dlsym(library, "fast_queue_new");
  *(void **)&queue_free = dlsym(library, "fast_queue_free");
  fast_queue *queue = queue_new(NULL);
  dlclose(library);
  queue_free(queue);
  return 0;
}
