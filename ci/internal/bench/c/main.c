#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

static void version_main(char **args) {
  (void) args;
  puts(uv_version_string());
}

/* spin: keeps a processor awake, in the time that nobody else wants. */
static void spin_main(char **args) {
  const struct sched_param idle = {0};
  volatile int always = 1;

  (void) args;
  if (sched_setscheduler(0, SCHED_IDLE, &idle))
    must(UV_EPERM, "sched_setscheduler");
  puts("ready 0");
  fflush(stdout);
  while (always)
    ;
}

static const struct {
  const char *name;
  int args;
  void (*run)(char **args);
} programs[] = {
    {"version", 0, version_main},
    {"spin", 0, spin_main},
    {"callback", 2, callback_main},
    {"echo", 3, echo_main},
    {"load", 8, load_main},
    {"spawn", 2, spawn_main},
    {"write2-send", 2, write2_send_main},
    {"write2-receive", 1, write2_receive_main},
    {"signals", 2, signals_main},
    {"memory", 2, memory_main},
    {"flat", 4, flat_main},
};

/* A thread that does nothing. A process with threads pays for it in every system
 * call, as a Go program does, and as a C program does that calls uv_queue_work. */
static void *idle(void *arg) {
  (void) arg;
  pause();
  return NULL;
}

int main(int argc, char **argv) {
  size_t i;
  pthread_t thread;
  sigset_t all, before;

  signal(SIGPIPE, SIG_IGN);
  if (getenv("BENCH_THREAD") != NULL) {
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    must(-pthread_create(&thread, NULL, idle, NULL), "pthread_create");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
  }
  for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
    if (argc == programs[i].args + 2 && strcmp(argv[1], programs[i].name) == 0) {
      programs[i].run(argv + 2);
      return 0;
    }
  }
  fprintf(stderr, "no such program, or not with so many arguments\n");
  return 2;
}
