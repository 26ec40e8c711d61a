/* A C program with a libuv loop of its own on its main thread, which runs one of
 * the binding's on another. It also has signal handlers of its own. */

#include "../../side.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

/* Exported by carchive/main.go. */
int runGo(int rounds);
int watchGo(int signum, int times);

static int rounds = 300, failed;

static void run_go(void *arg) {
  (void) arg;
  failed = runGo(rounds);
}

static volatile sig_atomic_t caught;

static void on_caught(int signum) { (void) signum, caught++; }

/* Both the binding's watcher and a handler that was there before get a signal,
 * and the handler stays. Returns what is wrong. */
static int share(int signum) {
  enum { TIMES = 5 };
  struct sigaction mine = {.sa_handler = on_caught, .sa_flags = SA_ONSTACK}, now;
  int watched;

  caught = 0;
  sigaction(signum, &mine, NULL);
  watched = watchGo(signum, TIMES);
  sigaction(signum, NULL, &now);
  if (watched == TIMES && caught == TIMES && now.sa_handler == on_caught)
    return 0;
  fprintf(stderr, "host: signal %d: Go watched %d, C caught %d, its handler is %s\n", signum, watched, (int) caught,
          now.sa_handler == on_caught ? "there" : "gone");
  return 1;
}

int main(int argc, char **argv) {
  uv_thread_t thread;
  int wrong;

  if (argc > 1)
    rounds = atoi(argv[1]);
  wrong = share(SIGTERM) + share(SIGINT) + share(SIGUSR1) + share(SIGTSTP) + share(SIGCHLD);
  signal(SIGTERM, SIG_DFL); /* the rest is about those that Go has to itself */
  signal(SIGINT, SIG_DFL);
  signal(SIGUSR1, SIG_DFL);
  signal(SIGTSTP, SIG_DFL);
  signal(SIGCHLD, SIG_DFL);
  if (uv_thread_create(&thread, run_go, NULL))
    return 1;
  wrong += side_run(rounds);
  uv_thread_join(&thread);
  if (wrong || failed)
    fprintf(stderr, "host: %d of C's counts are wrong, Go's half returned %d\n", wrong, failed);
  return wrong != 0 || failed;
}
