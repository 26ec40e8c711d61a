#include "bench.h"

#include <pthread.h>
#include <signal.h>

void must(int err, const char *what) {
  if (err >= 0)
    return;
  fprintf(stderr, "%s: %s\n", what, uv_strerror(err));
  exit(1);
}

void *must_alloc(size_t size) {
  void *memory = malloc(size);

  if (memory == NULL)
    must(UV_ENOMEM, "malloc");
  return memory;
}

void report(const char *name, double value, const char *unit) {
  printf("%s %.17g %s\n", name, value, unit);
  fflush(stdout);
}

static double batches[1 << 20];
static size_t batch_count;

void add_batch(uint64_t ns, uint64_t events) {
  if (events > 0 && batch_count < sizeof(batches) / sizeof(batches[0]))
    batches[batch_count++] = (double) ns / (double) events;
}

static int by_size(const void *a, const void *b) {
  double left = *(const double *) a, right = *(const double *) b;

  return (left > right) - (left < right);
}

void report_batches(const char *name) {
  if (batch_count == 0)
    must(UV_ETIMEDOUT, "no batch was done");
  qsort(batches, batch_count, sizeof(batches[0]), by_size);
  report(name, batches[batch_count / 2], "ns");
}

uint64_t in_ms(const char *ms) { return uv_hrtime() + strtoull(ms, NULL, 10) * 1000000; }

static void version_main(char **args) {
  (void) args;
  puts(uv_version_string());
}

static const struct {
  const char *name;
  int args;
  void (*run)(char **args);
} programs[] = {
    {"version", 0, version_main},
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
