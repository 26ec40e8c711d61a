/* memory KIND COUNT: what so many handles, pipe or timer, take of the resident
 * set, and how long it takes to make and to close them. */

#include "bench.h"

static size_t resident(void) {
  FILE *f = fopen("/proc/self/smaps_rollup", "r");
  char line[256];
  size_t kib = 0;

  if (f == NULL)
    must(UV_ENOENT, "smaps_rollup");
  while (fgets(line, sizeof(line), f) != NULL && sscanf(line, "Rss: %zu", &kib) != 1)
    continue;
  fclose(f);
  return kib * 1024;
}

static void on_timer(uv_timer_t *handle) { (void) handle; }
static void on_close(uv_handle_t *handle) { free(handle); }

void memory_main(char **args) {
  int timers = strcmp(args[0], "timer") == 0;
  size_t size = timers ? sizeof(uv_timer_t) : sizeof(uv_pipe_t), count = strtoull(args[1], NULL, 10), i, before, after;
  uv_handle_t **handles = must_alloc(count * sizeof(*handles));
  uv_loop_t *loop = uv_default_loop();
  uint64_t began, made, closed;

  memset(handles, 1, count * sizeof(*handles));
  resident(); /* the first call takes memory itself */
  before = resident();
  began = uv_hrtime();
  for (i = 0; i < count; i++) {
    handles[i] = must_alloc(size);
    if (timers) {
      must(uv_timer_init(loop, (uv_timer_t *) handles[i]), "uv_timer_init");
      must(uv_timer_start((uv_timer_t *) handles[i], on_timer, 3600000, 0), "uv_timer_start");
    } else {
      must(uv_pipe_init(loop, (uv_pipe_t *) handles[i], 0), "uv_pipe_init");
    }
  }
  made = uv_hrtime() - began;
  after = resident();
  began = uv_hrtime();
  for (i = 0; i < count; i++)
    uv_close(handles[i], on_close);
  uv_run(loop, UV_RUN_DEFAULT);
  closed = uv_hrtime() - began;
  report("memory", (double) (after - before) / (double) count, "bytes");
  report("struct", (double) size, "bytes");
  report("init", (double) made / (double) count, "ns");
  report("close", (double) closed / (double) count, "ns");
}
