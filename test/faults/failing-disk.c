/*
 * A library for LD_PRELOAD. While the file FAILING_DISK exists, its text `fsync` or `write` makes
 * that operation fail with EIO for every file whose path contains FAILING_PATH.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(const char *operation, int descriptor) {
  const char *file = getenv("FAILING_DISK"), *part = getenv("FAILING_PATH");
  if (file == NULL || part == NULL) return 0;
  int saved = errno;
  char text[16] = "", link[64], path[4096];
  int control = syscall(SYS_openat, AT_FDCWD, file, O_RDONLY);
  if (control >= 0) {
    ssize_t read = syscall(SYS_read, control, text, sizeof text - 1);
    if (read < 0) text[0] = 0;
    syscall(SYS_close, control);
  }
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = control >= 0 ? readlink(link, path, sizeof path - 1) : -1;
  errno = saved;
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(text, operation, strlen(operation)) == 0 && strstr(path, part) != NULL;
}

#define FAIL(operation, descriptor) \
  if (fails(operation, descriptor)) { errno = EIO; return -1; }

int fsync(int descriptor) {
  FAIL("fsync", descriptor)
  return syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor) {
  FAIL("fsync", descriptor)
  return syscall(SYS_fdatasync, descriptor);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t at) {
  FAIL("write", descriptor)
  return syscall(SYS_pwrite64, descriptor, bytes, size, at);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t at) {
  return pwrite64(descriptor, bytes, size, at);
}
