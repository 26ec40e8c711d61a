/* signals WATCHERS MS: sends itself SIGUSR1, waits until all watchers have been
 * called, and again. */

#include "bench.h"

#include <signal.h>
#include <unistd.h>

static uv_loop_t *loop;
static uint64_t called, signals, deadline;
static unsigned watchers;

static void on_signal(uv_signal_t *handle, int signum) {
  if (++called % watchers != 0)
    return;
  signals++;
  if (uv_hrtime() < deadline)
    must(uv_kill(getpid(), signum), "uv_kill");
  else
    uv_stop(handle->loop);
}

void signals_main(char **args) {
  uv_signal_t *handles;
  uint64_t began;
  unsigned i;

  watchers = (unsigned) atoi(args[0]);
  handles = must_alloc(watchers * sizeof(*handles));
  loop = uv_default_loop();
  for (i = 0; i < watchers; i++) {
    must(uv_signal_init(loop, &handles[i]), "uv_signal_init");
    must(uv_signal_start(&handles[i], on_signal, SIGUSR1), "uv_signal_start");
  }
  began = uv_hrtime();
  deadline = in_ms(args[1]);
  must(uv_kill(getpid(), SIGUSR1), "uv_kill");
  uv_run(loop, UV_RUN_DEFAULT);
  report("signals", (double) signals / (double) (uv_hrtime() - began) * 1e9, "signals/s");
}
