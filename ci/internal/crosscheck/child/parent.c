/* Changes what children inherit and spawns a probe. parent/main.go is its twin.
 *
 *   parent PROBE plain|given|limit
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

static void check(int ok, const char *what) {
  if (!ok) {
    perror(what);
    exit(1);
  }
}

static void on_exit_cb(uv_process_t *process, int64_t exit_status, int term_signal) {
  printf("the probe exited with %d, %d\n", (int) exit_status, term_signal);
  uv_close((uv_handle_t *) process, NULL);
}

static void on_signal(uv_signal_t *handle, int signum) { (void) handle, (void) signum; }

int main(int argc, char **argv) {
  char *args[] = {argv[1], "an argument", "", "another", NULL};
  char *env[] = {"GIVEN=1", "EMPTY=", "GIVEN=2", NULL};
  uv_loop_t *loop = uv_default_loop();
  uv_process_t process;
  uv_process_options_t options;
  uv_stdio_container_t stdio[5];
  uv_signal_t watcher;
  struct rlimit limit;
  int i, fd, err;

  check(argc == 3, "arguments");
  check(setenv("PARENT_SET", "by the parent", 1) == 0, "setenv");
  check(unsetenv("PARENT_UNSET") == 0, "unsetenv");
  check(mkdir("sub", 0777) == 0 && chdir("sub") == 0, "chdir");
  umask(027);
  check(getrlimit(RLIMIT_CORE, &limit) == 0, "getrlimit");
  limit.rlim_cur = 0;
  check(setrlimit(RLIMIT_CORE, &limit) == 0, "setrlimit");
  if (strcmp(argv[2], "limit") == 0) {
    check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    limit.rlim_cur = 500;
    check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
  }
  signal(SIGUSR1, SIG_IGN);
  uv_signal_init(loop, &watcher);
  check(uv_signal_start(&watcher, on_signal, SIGUSR2) == 0, "uv_signal_start");
  uv_unref((uv_handle_t *) &watcher);
  fd = open("/dev/null", O_RDWR); /* for everybody */
  check(fd >= 0 && dup2(fd, 50) == 50, "open");
  close(fd);
  fd = open("/dev/zero", O_RDONLY | O_CLOEXEC); /* for nobody */
  check(fd >= 0, "open");

  memset(&options, 0, sizeof(options));
  options.file = argv[1];
  options.args = args;
  options.exit_cb = on_exit_cb;
  options.stdio = stdio;
  options.stdio_count = 3;
  for (i = 0; i < 3; i++) {
    stdio[i].flags = UV_INHERIT_FD;
    stdio[i].data.fd = i;
  }
  stdio[0].flags = UV_IGNORE;
  if (strcmp(argv[2], "given") == 0) {
    options.flags = UV_PROCESS_DETACHED;
    options.env = env;
    options.cwd = "..";
    stdio[3].flags = UV_IGNORE;
    stdio[4].flags = UV_INHERIT_FD;
    stdio[4].data.fd = fd;
    options.stdio_count = 5;
  }
  fflush(stdout);
  err = uv_spawn(loop, &process, &options);
  if (err) {
    printf("uv_spawn: %s\n", uv_strerror(err));
    return 1;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return 0;
}
