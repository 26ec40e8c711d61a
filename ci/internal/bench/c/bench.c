#include "bench.h"

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
