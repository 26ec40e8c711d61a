/* The C half without Go: what calls into Go is counted here instead, so that
 * valgrind, which does not know Go, can look at the rest. */

#include "../../uv_cgo.c"

#include <assert.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { CLOSE, WALK, TIMER, PREPARE, CHECK, IDLE, ASYNC, SIGNALLED, EXIT, CONNECTION, ALLOC, READ, WRITE, CONNECT, SHUT, FS, THREAD, KINDS };
static int calls[KINDS];
static uintptr_t last_id;
static int64_t last_status;
static ssize_t last_read;
static char last_bytes[16];
static uv_loop_t *running;

static void count(int kind, uintptr_t id) {
  calls[kind]++;
  last_id = id;
}

void gouvOnClose(uintptr_t id) { count(CLOSE, id); }
void gouvOnWalk(uintptr_t id) { count(WALK, id); }
void gouvOnTimer(uintptr_t id) { count(TIMER, id); }
void gouvOnPrepare(uintptr_t id) { count(PREPARE, id); }
void gouvOnCheck(uintptr_t id) { count(CHECK, id); }
void gouvOnIdle(uintptr_t id) {
  count(IDLE, id);
  uv_stop(running);
}
void gouvOnAsync(uintptr_t id) { count(ASYNC, id); }
void gouvOnSignal(uintptr_t id, int signum) {
  count(SIGNALLED, id);
  last_status = signum;
}
void gouvOnExit(uintptr_t id, int64_t exit_status, int term_signal) {
  count(EXIT, id);
  last_status = exit_status * 1000 + term_signal;
}
void gouvOnConnection(uintptr_t id, int status) {
  count(CONNECTION, id);
  last_status = status;
}
void gouvOnAlloc(uintptr_t id, size_t suggested, uv_buf_t *buf) {
  count(ALLOC, id);
  assert(suggested == READ_BUFFER);
  buf->base = last_bytes;
  buf->len = sizeof(last_bytes);
}
void gouvOnRead(uintptr_t id, ssize_t nread, void *base) {
  count(READ, id);
  last_read = nread;
  if (nread > 0 && base != last_bytes)
    memcpy(last_bytes, base, (size_t) nread);
}
void gouvOnWrite(uintptr_t id, int status) {
  count(WRITE, id);
  last_status = status;
}
void gouvOnConnect(uintptr_t id, int status) {
  count(CONNECT, id);
  last_status = status;
}
void gouvOnShutdown(uintptr_t id, int status) {
  count(SHUT, id);
  last_status = status;
}
void gouvOnFs(uintptr_t id) { count(FS, id); }
void gouvOnThread(uintptr_t id) { count(THREAD, id); }

#define SEEN(kind, n) (assert(calls[kind] == (n)), calls[kind] = 0)

/* Each test begins with a fresh loop and ends with a closed one. */
static uv_loop_t loop;
static gouv_loop_t *shared;

static void open_loop(void) {
  assert(uv_loop_init(&loop) == 0);
  shared = gouv_loop_attach(&loop);
  running = &loop;
}

static void close_loop(void) {
  assert(gouv_run(&loop, UV_RUN_DEFAULT, 1) == 0);
  assert(shared->runner == 0);
  assert(uv_loop_close(&loop) == 0);
  gouv_loop_detach(shared);
}

#define INIT(handle, id, call) (assert(call == 0), (handle).data = (void *) (uintptr_t) (id))
#define CLOSE_HANDLE(handle) uv_close((uv_handle_t *) &(handle), gouv_close_cb)

static void test_watchers(void) {
  uv_timer_t timer;
  uv_prepare_t prepare;
  uv_check_t check;
  uv_idle_t idle;
  uv_async_t async;

  open_loop();
  INIT(timer, 1, uv_timer_init(&loop, &timer));
  INIT(prepare, 2, uv_prepare_init(&loop, &prepare));
  INIT(check, 3, uv_check_init(&loop, &check));
  INIT(idle, 4, uv_idle_init(&loop, &idle));
  INIT(async, 5, uv_async_init(&loop, &async, gouv_async_cb));
  uv_timer_start(&timer, gouv_timer_cb, 0, 0);
  uv_prepare_start(&prepare, gouv_prepare_cb);
  uv_check_start(&check, gouv_check_cb);
  uv_idle_start(&idle, gouv_idle_cb);
  uv_async_send(&async);
  assert(gouv_run(&loop, UV_RUN_DEFAULT, 1) != 0);
  SEEN(TIMER, 1), SEEN(PREPARE, 1), SEEN(CHECK, 1), SEEN(IDLE, 1), SEEN(ASYNC, 1);
  uv_walk(&loop, gouv_walk_cb, NULL);
  SEEN(WALK, 5);
  CLOSE_HANDLE(timer), CLOSE_HANDLE(prepare), CLOSE_HANDLE(check), CLOSE_HANDLE(idle), CLOSE_HANDLE(async);
  close_loop();
  SEEN(CLOSE, 5);
}

static void test_streams(void) {
  static const char hello[] = "hello";
  uv_pipe_t a, b;
  uv_write_t write_req;
  uv_shutdown_t shutdown_req;
  int fds[2], file;

  open_loop();
  INIT(a, 1, uv_pipe_init(&loop, &a, 0));
  INIT(b, 2, uv_pipe_init(&loop, &b, 0));
  assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  file = open("/dev/null", O_RDONLY);
  assert(gouv_can_wait_for(&loop, file) == UV_EPERM);
  assert(gouv_can_wait_for(&loop, uv_backend_fd(&loop)) != 0);
  assert(gouv_can_wait_for(&loop, fds[0]) == 0);
  close(file);
  assert(uv_pipe_open(&a, fds[0]) == 0 && uv_pipe_open(&b, fds[1]) == 0);
  write_req.data = (void *) 7;
  assert(gouv_write(&write_req, (uv_stream_t *) &a, (void *) hello, 5, NULL) == 0);
  assert(uv_read_start((uv_stream_t *) &b, gouv_loop_alloc_cb, gouv_read_cb) == 0);
  while (calls[READ] == 0 || calls[WRITE] == 0)
    gouv_run(&loop, UV_RUN_ONCE, 1);
  assert(last_read == 5 && memcmp(last_bytes, hello, 5) == 0);
  SEEN(READ, 1), SEEN(WRITE, 1), SEEN(ALLOC, 0);
  uv_read_stop((uv_stream_t *) &b);
  assert(uv_read_start((uv_stream_t *) &b, gouv_alloc_cb, gouv_read_cb) == 0);
  assert(gouv_try_write((uv_stream_t *) &a, (void *) hello, 2, NULL) == 2);
  while (calls[READ] == 0)
    gouv_run(&loop, UV_RUN_ONCE, 1);
  assert(last_read == 2);
  SEEN(READ, 1), SEEN(ALLOC, 1);
  shutdown_req.data = (void *) 8;
  assert(uv_shutdown(&shutdown_req, (uv_stream_t *) &a, gouv_shutdown_cb) == 0);
  while (calls[READ] == 0 || calls[SHUT] == 0)
    gouv_run(&loop, UV_RUN_ONCE, 1);
  assert(last_read == UV_EOF);
  SEEN(READ, 1), SEEN(SHUT, 1);
  CLOSE_HANDLE(a), CLOSE_HANDLE(b);
  close_loop();
  SEEN(CLOSE, 2);
  memset(calls, 0, sizeof(calls));
}

static void test_connections(void) {
  char name[] = "/tmp/chalf.XXXXXX";
  char path[64];
  uv_pipe_t server, client, accepted;
  uv_connect_t req;

  assert(mkdtemp(name) != NULL);
  snprintf(path, sizeof(path), "%s/socket", name);
  open_loop();
  INIT(server, 1, uv_pipe_init(&loop, &server, 0));
  INIT(client, 2, uv_pipe_init(&loop, &client, 0));
  INIT(accepted, 3, uv_pipe_init(&loop, &accepted, 0));
  assert(uv_pipe_bind(&server, path) == 0);
  assert(uv_listen((uv_stream_t *) &server, 1, gouv_connection_cb) == 0);
  req.data = (void *) 4;
  uv_pipe_connect(&req, &client, path, gouv_connect_cb);
  while (calls[CONNECT] == 0 || calls[CONNECTION] == 0)
    gouv_run(&loop, UV_RUN_ONCE, 1);
  assert(last_status == 0);
  assert(uv_accept((uv_stream_t *) &server, (uv_stream_t *) &accepted) == 0);
  SEEN(CONNECT, 1), SEEN(CONNECTION, 1);
  CLOSE_HANDLE(server), CLOSE_HANDLE(client), CLOSE_HANDLE(accepted);
  close_loop();
  SEEN(CLOSE, 3);
  assert(rmdir(name) == 0);
}

static void test_processes(void) {
  char *args[] = {(char *) "sh", (char *) "-c", (char *) "exit 3", NULL};
  uv_process_options_t options;
  uv_stdio_container_t stdio;
  uv_process_t process, missing, bad, unspawned;
  uv_timer_t timer;

  open_loop();
  memset(&options, 0, sizeof(options));
  options.file = "sh";
  options.args = args;
  options.exit_cb = gouv_exit_cb;
  options.flags = UV_PROCESS_WINDOWS_FILE_PATH_EXACT_NAME;
  process.data = missing.data = bad.data = unspawned.data = (void *) 1;
  assert(gouv_signal_own(SIGCHLD) == 0);
  assert(gouv_spawn(&loop, &process, &options) == 0);
  options.file = "/nonexistent/program";
  assert(gouv_spawn(&loop, &missing, &options) == UV_ENOENT);
  /* Fails before the fork. When it is closed, libuv 1.52 would take the timer
   * off the loop's list with it. */
  stdio.flags = UV_INHERIT_FD;
  stdio.data.fd = -1;
  options.stdio = &stdio;
  options.stdio_count = 1;
  assert(gouv_spawn(&loop, &bad, &options) == UV_EINVAL);
  INIT(timer, 2, uv_timer_init(&loop, &timer));
  CLOSE_HANDLE(bad);
  while (calls[CLOSE] == 0)
    gouv_run(&loop, UV_RUN_NOWAIT, 1);
  uv_walk(&loop, gouv_walk_cb, NULL);
  SEEN(WALK, 3);
  gouv_close_unspawned(&loop, (uv_handle_t *) &unspawned);
  CLOSE_HANDLE(missing);
  assert(uv_timer_start(&timer, gouv_timer_cb, 0, 0) == 0);
  while (calls[EXIT] == 0 || calls[TIMER] == 0)
    gouv_run(&loop, UV_RUN_ONCE, 1);
  assert(last_status == 3000);
  SEEN(EXIT, 1), SEEN(TIMER, 1);
  CLOSE_HANDLE(process), CLOSE_HANDLE(timer);
  close_loop();
  SEEN(CLOSE, 5);
  gouv_signal_disown(SIGCHLD);
}

static volatile sig_atomic_t before_calls;

static void before_us(int signum) {
  (void) signum;
  before_calls++;
}

static volatile sig_atomic_t other_calls;

static void before_us_too(int signum) {
  (void) signum;
  other_calls++;
}

static void test_signals(void) {
  struct sigaction mine, now;
  uv_signal_t watcher;

  memset(&mine, 0, sizeof(mine));
  mine.sa_handler = before_us;
  assert(sigaction(SIGUSR1, &mine, NULL) == 0 && sigaction(SIGWINCH, &mine, NULL) == 0);
  assert(sigaction(SIGURG, &mine, NULL) == 0); /* which makes it Go's handler */

  open_loop();
  INIT(watcher, 1, uv_signal_init(&loop, &watcher));
  assert(gouv_signal_own(SIGSEGV) == UV_EINVAL && gouv_signal_own(SIGKILL) == UV_EINVAL && gouv_signal_own(1000) == UV_EINVAL);

  /* Passed on at once. */
  assert(gouv_signal_own(SIGWINCH) == 0 && gouv_signal_own(SIGWINCH) == 0);
  assert(sigaction(SIGWINCH, NULL, &now) == 0 && now.sa_flags & SA_ONSTACK);
  assert(uv_signal_start(&watcher, gouv_signal_cb, SIGWINCH) == 0);
  assert(sigaction(SIGWINCH, NULL, &now) == 0 && now.sa_flags & SA_ONSTACK);
  raise(SIGWINCH);
  assert(before_calls == 1);
  gouv_run(&loop, UV_RUN_ONCE, 1);
  SEEN(SIGNALLED, 1);
  assert(last_status == SIGWINCH);
  passing = SIGUSR1; /* as when it comes while another one is passed on */
  raise(SIGWINCH);
  assert(passing == SIGUSR1 && before_calls == 2);
  passing = 0;
  gouv_run(&loop, UV_RUN_ONCE, 1);
  SEEN(SIGNALLED, 1);
  before_calls = 1;
  uv_signal_stop(&watcher);
  assert(sigaction(SIGWINCH, NULL, &now) == 0 && now.sa_sigaction == on_signal);
  gouv_signal_disown(SIGWINCH);
  assert(sigaction(SIGWINCH, NULL, &now) == 0 && now.sa_handler == before_us);

  /* Passed on by a detour, once for two. */
  assert(gouv_signal_own(SIGUSR1) == 0);
  assert(uv_signal_start_oneshot(&watcher, gouv_signal_cb, SIGUSR1) == 0);
  raise(SIGUSR1);
  raise(SIGUSR1);
  assert(before_calls == 1);
  gouv_run(&loop, UV_RUN_ONCE, 1);
  SEEN(SIGNALLED, 1);
  assert(gouv_signal_next() == SIGUSR1);
  assert(gouv_signal_foreign(SIGUSR1) == 0 && gouv_signal_wanted(SIGUSR1) == 1);
  gouv_signal_pass(SIGUSR1);
  assert(before_calls == 2);
  gouv_signal_disown(SIGUSR1);
  assert(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == before_us);

  /* Another's handler gets each at once. */
  mine.sa_handler = before_us_too;
  assert(sigaction(SIGUSR1, &mine, NULL) == 0 && gouv_signal_foreign(SIGUSR1) == 1);
  assert(gouv_signal_own(SIGUSR1) == 0 && gouv_signal_foreign(SIGUSR1) == 1);
  raise(SIGUSR1);
  raise(SIGUSR1);
  assert(other_calls == 2 && before_calls == 2);
  gouv_signal_disown(SIGUSR1);
  assert(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == before_us_too);

  /* Nobody's is not called, neither then nor on the way. */
  mine.sa_handler = SIG_IGN;
  assert(sigaction(SIGUSR1, &mine, NULL) == 0 && gouv_signal_ignored(SIGUSR1) == 1);
  assert(gouv_signal_own(SIGUSR1) == 0);
  raise(SIGUSR1);
  gouv_signal_pass(SIGUSR1);
  gouv_signal_disown(SIGUSR1);
  assert(gouv_signal_wanted(SIGUSR1) == 0);
  CLOSE_HANDLE(watcher);
  close_loop();
  SEEN(CLOSE, 1);
}

static void test_others(void) {
  uv_thread_t tid;
  uv_fs_t req;

  open_loop();
  assert(gouv_loop_configure(&loop, UV_LOOP_BLOCK_SIGNAL, SIGPROF) == 0);
  assert(gouv_thread_create(&tid, 9) == 0 && uv_thread_join(&tid) == 0);
  SEEN(THREAD, 1);
  req.data = (void *) 3;
  assert(uv_fs_unlink(&loop, &req, "/nonexistent", gouv_fs_cb) == 0);
  close_loop();
  SEEN(FS, 1);
  assert(last_id == 3);
  uv_fs_req_cleanup(&req);
}

int main(void) {
  test_watchers();
  test_streams();
  test_connections();
  test_processes();
  test_signals();
  test_others();
  puts("chalf: 6 passed");
  return 0;
}
