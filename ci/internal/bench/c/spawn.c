/* spawn MIB MS: processes a second, from spawn over exit to close, one at a time
 * and 32, with so much memory in use. */

#include "bench.h"

enum { PARALLEL = 32, AT_LEAST = 4 };

static uv_loop_t *loop;
static uint64_t count, deadline;

static void spawn(uv_process_t *process);

static void on_close(uv_handle_t *handle) {
  count++;
  if (uv_hrtime() < deadline || count < AT_LEAST)
    spawn((uv_process_t *) handle);
}

static void on_exit_(uv_process_t *process, int64_t status, int signum) {
  if (status != 0 || signum != 0)
    must(UV_EINVAL, "/bin/true failed");
  uv_close((uv_handle_t *) process, on_close);
}

static void spawn(uv_process_t *process) {
  char *args[] = {"/bin/true", NULL};
  uv_process_options_t options = {.exit_cb = on_exit_, .file = args[0], .args = args};

  must(uv_spawn(loop, process, &options), "uv_spawn");
}

static double rate(int chains, const char *ms) {
  static uv_process_t processes[PARALLEL];
  uint64_t began = uv_hrtime();
  int i;

  count = 0;
  deadline = in_ms(ms);
  for (i = 0; i < chains; i++)
    spawn(&processes[i]);
  uv_run(loop, UV_RUN_DEFAULT);
  return (double) count / (double) (uv_hrtime() - began) * 1e9;
}

void spawn_main(char **args) {
  int mib = atoi(args[0]), i;

  loop = uv_default_loop();
  for (i = 0; i < mib; i++)
    memset(must_alloc(1 << 20), 1, 1 << 20);
  report("sequential", rate(1, args[1]), "processes/s");
  report("parallel", rate(PARALLEL, args[1]), "processes/s");
}
