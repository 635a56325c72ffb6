// Preloaded before the C library: reads of the file that FAIL_FILE is part of the name of fail from its byte FAIL_AT on, as those
// of a disk that dies.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ssize_t read(int file, void *buffer, size_t size) {
  static ssize_t (*real)(int, void *, size_t);
  if (!real) real = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
  const char *name = getenv("FAIL_FILE"), *at = getenv("FAIL_AT");
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (name && at && length > 0) {
    path[length] = 0;
    if (strstr(path, name) && lseek(file, 0, SEEK_CUR) + (off_t)size > atol(at)) {
      errno = EIO;
      return -1;
    }
  }
  return real(file, buffer, size);
}
