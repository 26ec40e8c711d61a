/* callback KIND MS: what a callback costs that does nothing but count. There are
 * a hundred handles of a kind, so that the rest of an iteration hardly counts. */

#include "bench.h"

enum { HANDLES = 100, BATCH = 10 * HANDLES };

static uv_loop_t *loop;
static uint64_t count, limit;

static void counted(void) {
  if (++count == limit)
    uv_stop(loop);
}

static void on_idle(uv_idle_t *handle) { (void) handle, counted(); }
static void on_check(uv_check_t *handle) { (void) handle, counted(); }
static void on_async(uv_async_t *handle) { (void) handle, counted(); }
static void on_timer(uv_timer_t *handle) { (void) handle, counted(); }
static void on_other(uv_idle_t *handle) { (void) handle; }

static void on_restart(uv_timer_t *handle) {
  counted();
  if (count == limit)
    uv_timer_stop(handle);
  else
    uv_timer_start(handle, on_restart, 0, 0);
}

void callback_main(char **args) {
  static union uv_any_handle handles[HANDLES], other;
  const char *kind = args[0];
  uint64_t deadline, began, before;
  int timers = strcmp(kind, "timer") == 0, restart = strcmp(kind, "restart") == 0, asyncs = strcmp(kind, "async") == 0;
  int i;

  loop = uv_default_loop();
  for (i = 0; i < HANDLES; i++) {
    if (strcmp(kind, "idle") == 0) {
      must(uv_idle_init(loop, &handles[i].idle), "uv_idle_init");
      must(uv_idle_start(&handles[i].idle, on_idle), "uv_idle_start");
    } else if (strcmp(kind, "check") == 0) {
      must(uv_check_init(loop, &handles[i].check), "uv_check_init");
      must(uv_check_start(&handles[i].check, on_check), "uv_check_start");
    } else if (timers || restart) {
      must(uv_timer_init(loop, &handles[i].timer), "uv_timer_init");
    } else if (asyncs) {
      must(uv_async_init(loop, &handles[i].async, on_async), "uv_async_init");
    } else {
      must(UV_EINVAL, kind);
    }
  }
  if (strcmp(kind, "check") == 0) { /* something must keep the loop from waiting */
    must(uv_idle_init(loop, &other.idle), "uv_idle_init");
    must(uv_idle_start(&other.idle, on_other), "uv_idle_start");
  }
  deadline = in_ms(args[1]);
  while (uv_hrtime() < deadline) {
    before = count;
    limit = count + (timers || asyncs ? HANDLES : BATCH);
    for (i = 0; timers && i < HANDLES; i++)
      uv_timer_start(&handles[i].timer, on_timer, 0, 0);
    for (i = 0; asyncs && i < HANDLES; i++)
      uv_async_send(&handles[i].async);
    if (restart)
      uv_timer_start(&handles[0].timer, on_restart, 0, 0);
    began = uv_hrtime();
    uv_run(loop, UV_RUN_DEFAULT);
    add_batch(uv_hrtime() - began, count - before);
  }
  report_batches("callback");
}
