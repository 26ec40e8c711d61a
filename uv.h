/* The header of the binding's C half.
 *
 * <uv.h> is libuv's own header. After it come stand-ins for what an older
 * libuv lacks, then what uv_cgo.c offers to the Go files (prefix gouv_), then
 * the Go functions that uv_cgo.c calls (prefix gouvOn, defined in
 * uv/callbacks.go; declared here by hand, so that the compiler checks them).
 */
#ifndef GOUV_H
#define GOUV_H

#include <uv.h>

#if UV_VERSION_HEX < 0x012c02
#error "this binding needs libuv 1.44.2 or later: run ci/setup, or install libuv1-dev (Debian), libuv-devel (Fedora), libuv-dev (Alpine), libuv (Arch, Homebrew)"
#endif

/* Stand-ins, in order of release. A constant gets libuv's later value, a
 * function reports UV_ENOSYS. */

#if UV_VERSION_HEX < 0x012d00
#define UV_ENODATA (-61)
typedef enum { UV_CLOCK_MONOTONIC, UV_CLOCK_REALTIME } uv_clock_id;
typedef struct {
  int64_t tv_sec;
  int32_t tv_nsec;
} uv_timespec64_t;
typedef struct {
  char *groupname;
  unsigned long gid;
  char **members;
} uv_group_t;
typedef struct {
  uint64_t loop_count, events, events_waiting;
} uv_metrics_t;
static inline int uv_clock_gettime(uv_clock_id clock_id, uv_timespec64_t *ts) {
  (void) clock_id, (void) ts;
  return UV_ENOSYS;
}
static inline int uv_os_get_passwd2(uv_passwd_t *pwd, uv_uid_t uid) {
  (void) pwd, (void) uid;
  return UV_ENOSYS;
}
static inline int uv_os_get_group(uv_group_t *grp, uv_uid_t gid) {
  (void) grp, (void) gid;
  return UV_ENOSYS;
}
static inline void uv_os_free_group(uv_group_t *grp) { (void) grp; }
static inline int uv_metrics_info(uv_loop_t *loop, uv_metrics_t *metrics) {
  (void) loop, (void) metrics;
  return UV_ENOSYS;
}
#endif

#if UV_VERSION_HEX < 0x012e00
#define UV_EUNATCH (-49)
#define UV_PIPE_NO_TRUNCATE 1u
static inline int uv_pipe_bind2(uv_pipe_t *handle, const char *name, size_t namelen, unsigned int flags) {
  (void) handle, (void) name, (void) namelen, (void) flags;
  return UV_ENOSYS;
}
static inline int uv_pipe_connect2(uv_connect_t *req, uv_pipe_t *handle, const char *name, size_t namelen,
                                   unsigned int flags, uv_connect_cb cb) {
  (void) req, (void) handle, (void) name, (void) namelen, (void) flags, (void) cb;
  return UV_ENOSYS;
}
#endif

#if UV_VERSION_HEX < 0x013000
#define UV_PROCESS_WINDOWS_FILE_PATH_EXACT_NAME (1 << 7)
#endif

#if UV_VERSION_HEX < 0x013100
#define UV_LOOP_USE_IO_URING_SQPOLL 2
#define UV_TCP_REUSEPORT 2
#endif

#if UV_VERSION_HEX < 0x013200
#define UV_ENOEXEC (-8)
#endif

#if UV_VERSION_HEX < 0x013400
static inline int uv_tcp_keepalive_ex(uv_tcp_t *handle, int on, unsigned int idle, unsigned int intvl,
                                      unsigned int cnt) {
  (void) handle, (void) on, (void) idle, (void) intvl, (void) cnt;
  return UV_ENOSYS;
}
#endif

/* What the binding keeps in C beside a uv_loop_t; the loop's data points to
 * it. */
typedef struct {
  uintptr_t runner; /* who is inside uv_run, or 0 */
  char *buffer;     /* where reads without an AllocCB go */
} gouv_loop_t;

/* Loop. */
int gouv_is_open(int fd);
int gouv_move_up(int fd, int lowest);
int gouv_standard_descriptors(void);
uintptr_t gouv_thread(void);
gouv_loop_t *gouv_loop_attach(uv_loop_t *loop);
void gouv_loop_detach(gouv_loop_t *shared);
int gouv_loop_configure(uv_loop_t *loop, uv_loop_option option, int signum);
int gouv_run(uv_loop_t *loop, uv_run_mode mode, uintptr_t runner);
int gouv_print_handles(uv_loop_t *loop, int only_active, char **text, size_t *size);

/* Processes and signals. */
int gouv_spawn(uv_loop_t *loop, uv_process_t *process, const uv_process_options_t *options);
void gouv_close_unspawned(uv_loop_t *loop, uv_handle_t *handle);
void gouv_made_by_go(void);
int gouv_signal_own(int signum);
int gouv_signal_ignored(int signum);
int gouv_signal_foreign(int signum);
void gouv_signal_disown(int signum);
int gouv_signal_next(void);
int gouv_signal_wanted(int signum);
void gouv_signal_pass(int signum);

/* Streams. */
int gouv_can_wait_for(uv_loop_t *loop, int fd);
int gouv_listen(uv_stream_t *stream, int backlog);
uv_stream_t *gouv_copy_to_send(uv_write_t *req);
void gouv_free_copy(uv_stream_t *copy);
int gouv_write(uv_write_t *req, uv_stream_t *stream, char *base, size_t len, uv_stream_t *send);
int gouv_try_write(uv_stream_t *stream, char *base, size_t len, uv_stream_t *send);

/* Threads. */
int gouv_thread_create(uv_thread_t *tid, uintptr_t id);

/* Trampolines: what libuv is given to call. Each looks up the handle's or the
 * request's id and calls its Go function. */
void gouv_close_cb(uv_handle_t *handle);
void gouv_walk_cb(uv_handle_t *handle, void *arg);
void gouv_timer_cb(uv_timer_t *handle);
void gouv_prepare_cb(uv_prepare_t *handle);
void gouv_check_cb(uv_check_t *handle);
void gouv_idle_cb(uv_idle_t *handle);
void gouv_async_cb(uv_async_t *handle);
void gouv_signal_cb(uv_signal_t *handle, int signum);
void gouv_exit_cb(uv_process_t *handle, int64_t exit_status, int term_signal);
void gouv_connection_cb(uv_stream_t *server, int status);
void gouv_loop_alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
void gouv_alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
void gouv_read_cb(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf);
void gouv_write_cb(uv_write_t *req, int status);
void gouv_connect_cb(uv_connect_t *req, int status);
void gouv_shutdown_cb(uv_shutdown_t *req, int status);
void gouv_fs_cb(uv_fs_t *req);

/* The Go half. */
void gouvOnClose(uintptr_t id);
void gouvOnWalk(uintptr_t id);
void gouvOnTimer(uintptr_t id);
void gouvOnPrepare(uintptr_t id);
void gouvOnCheck(uintptr_t id);
void gouvOnIdle(uintptr_t id);
void gouvOnAsync(uintptr_t id);
void gouvOnSignal(uintptr_t id, int signum);
void gouvOnExit(uintptr_t id, int64_t exit_status, int term_signal);
void gouvOnConnection(uintptr_t id, int status);
void gouvOnAlloc(uintptr_t id, size_t suggested, uv_buf_t *buf);
void gouvOnRead(uintptr_t id, ssize_t nread, void *base);
void gouvOnWrite(uintptr_t id, int status);
void gouvOnConnect(uintptr_t id, int status);
void gouvOnShutdown(uintptr_t id, int status);
void gouvOnFs(uintptr_t id);
void gouvOnThread(uintptr_t id);

#endif
