// Preloaded before the C library: kills the process right before the KILL_AT-th time that it renames, removes or syncs something.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static void count(void) {
  static atomic_int done;
  const char *at = getenv("KILL_AT");
  if (at && atomic_fetch_add(&done, 1) + 1 == atoi(at)) kill(getpid(), SIGKILL);
}

#define REAL(name, ...) ((int (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

int rename(const char *from, const char *to) {
  count();
  return REAL("rename", const char *, const char *)(from, to);
}

int unlink(const char *path) {
  count();
  return REAL("unlink", const char *)(path);
}

int rmdir(const char *path) {
  count();
  return REAL("rmdir", const char *)(path);
}

int fsync(int file) {
  count();
  return REAL("fsync", int)(file);
}
