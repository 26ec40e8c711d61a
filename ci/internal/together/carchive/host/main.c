/* A C program with a libuv loop of its own on its main thread, which runs one of
 * the binding's on another. */

#include "../../side.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

int runGo(int rounds); /* exported by carchive/main.go */

static int rounds = 300, failed;

static void run_go(void *arg) {
  (void) arg;
  failed = runGo(rounds);
}

int main(int argc, char **argv) {
  uv_thread_t thread;
  int wrong;

  if (argc > 1)
    rounds = atoi(argv[1]);
  if (uv_thread_create(&thread, run_go, NULL))
    return 1;
  wrong = side_run(rounds);
  uv_thread_join(&thread);
  if (wrong || failed)
    fprintf(stderr, "host: %d of C's counts are wrong, Go's half returned %d\n", wrong, failed);
  return wrong != 0 || failed;
}
