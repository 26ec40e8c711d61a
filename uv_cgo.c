//go:build ignore

/* The binding's C half: trampolines, combined calls, and who owns which
 * signal. It is compiled as a part of package uv (uv/uv_cgo.c includes it). */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "uv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/epoll.h>
#endif

/* Loop */

/* The address of a thread-local names the running thread. It is how the Go half
 * tells a loop's own thread from others where it cannot tell goroutines apart. */
uintptr_t gouv_thread(void) {
  static _Thread_local char self;
  return (uintptr_t) &self;
}

int gouv_is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

/* Returns a close-on-exec copy of a descriptor, the lowest one from there on, or
 * -1. */
int gouv_move_up(int fd, int lowest) { return fcntl(fd, F_DUPFD_CLOEXEC, lowest); }

/* Whether descriptors 0 to 2 are open. What libuv opens could be one of them
 * otherwise, and it aborts rather than close such a one. */
int gouv_standard_descriptors(void) {
  return gouv_is_open(0) && gouv_is_open(1) && gouv_is_open(2) ? 0 : UV_EBADF;
}

gouv_loop_t *gouv_loop_attach(uv_loop_t *loop) {
  gouv_loop_t *shared = calloc(1, sizeof(*shared));
  loop->data = shared;
  return shared;
}

void gouv_loop_detach(gouv_loop_t *shared) {
  free(shared->buffer);
  free(shared);
}

/* uv_loop_configure is variadic, which cgo cannot call. */
int gouv_loop_configure(uv_loop_t *loop, uv_loop_option option, int signum) {
  return uv_loop_configure(loop, option, signum);
}

/* uv_run, with a note of who is inside: 0 stands for this thread, which the Go
 * half cannot name, since its goroutine may change threads on the way here. */
int gouv_run(uv_loop_t *loop, uv_run_mode mode, uintptr_t runner) {
  gouv_loop_t *shared = loop->data;
  int alive;

  __atomic_store_n(&shared->runner, runner ? runner : gouv_thread(), __ATOMIC_SEQ_CST);
  alive = uv_run(loop, mode);
  __atomic_store_n(&shared->runner, 0, __ATOMIC_SEQ_CST);
  return alive;
}

/* uv_print_all_handles and uv_print_active_handles, into memory that the caller
 * frees: what Go writes to is seldom a FILE. */
int gouv_print_handles(uv_loop_t *loop, int only_active, char **text, size_t *size) {
  FILE *stream = open_memstream(text, size);

  if (stream == NULL)
    return UV_ENOMEM;
  if (only_active)
    uv_print_active_handles(loop, stream);
  else
    uv_print_all_handles(loop, stream);
  return fclose(stream) ? UV_ENOMEM : 0;
}

/* Signals
 *
 * libuv installs its handlers without SA_ONSTACK, and on a goroutine's small
 * stack such a handler overwrites what lies below it. It also resets the
 * disposition to SIG_DFL when the last watcher of a signal stops, which takes
 * the signal from Go. Both are avoided by keeping libuv from calling sigaction
 * at all while Go runs: it does so only for the first and after the last
 * watcher of a signal, so for each signal there is a guard, a watcher of our
 * own that starts before Go's runtime does and never stops. What is installed
 * from then on is the binding's handler, which calls libuv's and passes the
 * signal on to whoever had it before. docs/design.md tells the whole story.
 */

enum { SIGNALS = 65 };

static uv_loop_t guard_loop; /* never run */
static uv_signal_t guards[SIGNALS];
static int guard_error; /* why there are no guards, or 0 */

static void (*libuv_handler)(int);
static struct sigaction before[SIGNALS]; /* whom a signal is passed on to */
static unsigned char foreign[SIGNALS];   /* that is neither Go nor nobody */
static unsigned char ignored[SIGNALS];   /* what the process was started with */

static struct rlimit start_files; /* RLIMIT_NOFILE as the process got it */
static _Thread_local int spawning;

static void on_guard(uv_signal_t *handle, int signum) { (void) handle, (void) signum; }

/* The signals without which Go's runtime does not work. */
static int belongs_to_go(int signum) {
  switch (signum) {
    case SIGILL: case SIGTRAP: case SIGABRT: case SIGBUS: case SIGFPE:
    case SIGSEGV: case SIGSYS: case SIGPROF: case SIGURG:
      return 1;
  }
  return 0;
}

static _Thread_local volatile sig_atomic_t made_by_go; /* the thread, as far as is known */

void gouv_made_by_go(void) { made_by_go = 1; }

/* Whether the handler that comes next may be called right away. Somebody else's
 * may. If nobody is notified of a signal Go's does nothing with some of them, but
 * ends the process with others: with SIGINT and its like always, with the rest on
 * a thread that C has made. Those take the way over the Go half, which first sees
 * to it that somebody is. */
static int harmless_to_pass(int signum) {
  if (foreign[signum])
    return 1;
  switch (signum) {
    case SIGCHLD: case SIGCONT: case SIGTSTP: case SIGTTIN: case SIGTTOU: case SIGWINCH:
      return 1;
    case SIGHUP: case SIGINT: case SIGQUIT: case SIGTERM:
      return 0;
  }
  return made_by_go;
}

static unsigned char relayed[SIGNALS]; /* it is on its way */
static uv_sem_t to_relay;              /* counts them */
static _Thread_local volatile sig_atomic_t passing; /* the signal that is being passed on, on this thread */

static void relay(int signum) {
  int saved_errno = errno;

  if (!__atomic_exchange_n(&relayed[signum], 1, __ATOMIC_SEQ_CST))
    uv_sem_post(&to_relay);
  errno = saved_errno;
}

static void on_signal(int signum, siginfo_t *info, void *context) {
  const struct sigaction *next = &before[signum];
  int passed = signum == passing;

  if (passed)
    passing = 0;
  else
    libuv_handler(signum);
  if (next->sa_handler == SIG_DFL || next->sa_handler == SIG_IGN)
    return; /* Go sets SA_SIGINFO with these too */
#ifdef SIGSTKFLT
  if (signum == SIGSTKFLT)
    return; /* os/signal does not know it, and Go's handler ends the process */
#endif
  if (!passed && !harmless_to_pass(signum)) {
    relay(signum);
    return;
  }
  if (next->sa_flags & SA_SIGINFO)
    next->sa_sigaction(signum, info, context);
  else
    next->sa_handler(signum);
}

/* Starts a guard and puts the disposition back at once. It also learns what
 * libuv's handler is, which has no name outside libuv. */
static void guard(int signum) {
  struct sigaction old, installed;

  if (sigaction(signum, NULL, &old) || uv_signal_init(&guard_loop, &guards[signum]))
    return;
  ignored[signum] = old.sa_handler == SIG_IGN;
  if (uv_signal_start(&guards[signum], on_guard, signum))
    return; /* a signal that cannot be watched */
  sigaction(signum, &old, &installed);
  libuv_handler = installed.sa_handler;
}

/* libuv's handler writes to the pipe of the guards' loop, too, which nobody reads.
 * Nowhere is a better place for it, and a faster one. */
static void silence_guards(void) {
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

  if (nowhere >= 0 && guard_error == 0 && dup2(nowhere, guard_loop.signal_pipefd[1]) >= 0)
    fcntl(guard_loop.signal_pipefd[1], F_SETFD, FD_CLOEXEC);
  if (nowhere >= 0)
    close(nowhere);
}

/* What there is to do between fork and exec, in children of uv_spawn; other forks
 * are none of our business.
 *
 * Go raises the soft RLIMIT_NOFILE when it starts, to one less than the hard one
 * (so that it can tell its own doing), and lowers it in the children of os/exec
 * alone. So this does, unless somebody has set another limit since.
 *
 * libuv resets the signals up to 31. The handlers of the others, Go's and the
 * binding's, run on a stack in Go's heap, which is not there. Go also installs
 * them where a signal was ignored, which a child inherits. */
static void after_fork_in_child(void) {
  struct rlimit now;
  struct sigaction action;
  int signum;

  if (!spawning)
    return;
  if (getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_max == start_files.rlim_max && now.rlim_cur == now.rlim_max - 1)
    setrlimit(RLIMIT_NOFILE, &start_files);
  for (signum = 32; signum < SIGNALS; signum++) {
    if (sigaction(signum, NULL, &action) || action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)
      continue;
    action.sa_flags = 0;
    action.sa_handler = ignored[signum] ? SIG_IGN : SIG_DFL;
    sigaction(signum, &action, NULL);
  }
}

/* A process title goes where the arguments are, and the strings of Go's os.Args
 * are those arguments: Go gets copies instead, of its own, since libuv frees those
 * that it makes. That is left alone where somebody has moved arguments. */
static void setup_args(int argc, char **argv) {
  char **copies, *copy;
  int i;

  for (i = 1; i < argc; i++)
    if (argv[i] != argv[i - 1] + strlen(argv[i - 1]) + 1)
      return;
  copies = uv_setup_args(argc, argv);
  for (i = 0; i < argc; i++) {
    copy = strdup(copies[i]);
    argv[i] = copy == NULL ? copies[i] : copy;
  }
}

/* Puts /dev/null where descriptors 0 to 2 are closed, and notes where: libuv would
 * get them for its own ends, and abort rather than close such a one. */
static void fill_standard_descriptors(int flags, int filled[3]) {
  int fd;

  filled[0] = filled[1] = filled[2] = 0;
  if (gouv_standard_descriptors() == 0)
    return;
  while ((fd = open("/dev/null", O_RDWR | flags)) >= 0 && fd <= 2)
    filled[fd] = 1;
  if (fd > 2)
    close(fd);
}

static void free_standard_descriptors(const int filled[3]) {
  int fd;

  for (fd = 0; fd <= 2; fd++)
    if (filled[fd])
      close(fd);
}

/* Runs before Go's runtime does, so that there is no moment at which Go code
 * runs while a handler of libuv's is installed. A signal that arrives meanwhile
 * waits. In a library Go's runtime starts in a constructor, too, one without a
 * priority, which comes later. Glibc is who passes the arguments; elsewhere there
 * are none. */
__attribute__((constructor(101))) static void start(int argc, char **argv) {
  struct rlimit most_files;
  sigset_t all, mask;
  int filled[3], signum;

  if (uv_version() >> 8 < UV_VERSION_HEX >> 8) {
    fprintf(stderr, "libuv: this program was built with libuv %d.%d and cannot run with %s\n", UV_VERSION_MAJOR,
            UV_VERSION_MINOR, uv_version_string());
    _exit(1);
  }
#ifdef __GLIBC__
  setup_args(argc, argv);
#else
  (void) argc, (void) argv;
#endif
  fill_standard_descriptors(0, filled); /* as Go's runtime does, later */
  getrlimit(RLIMIT_NOFILE, &start_files);
  pthread_atfork(NULL, NULL, after_fork_in_child);

  most_files = start_files;
  most_files.rlim_cur = most_files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &most_files);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &mask);
  guard_error = uv_sem_init(&to_relay, 0);
  if (guard_error == 0)
    guard_error = uv_loop_init(&guard_loop);
  for (signum = 1; guard_error == 0 && signum < SIGNALS; signum++)
    if (!belongs_to_go(signum))
      guard(signum);
  silence_guards();
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  setrlimit(RLIMIT_NOFILE, &start_files);
}

/* Whether a signal can be watched, and what is done with it now. */
static int get_disposition(int signum, struct sigaction *now) {
  return signum > 0 && signum < SIGNALS && guards[signum].signum == signum && sigaction(signum, NULL, now) == 0;
}

/* Whether a disposition is that of somebody else: Go's handler is the one that
 * SIGURG always has. */
static int is_foreign(const struct sigaction *action) {
  struct sigaction go;

  return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN &&
         (sigaction(SIGURG, NULL, &go) || action->sa_handler != go.sa_handler);
}

/* Makes the binding's handler the one that is installed. The Go half calls it,
 * under a lock, for each watcher that starts: somebody may have installed
 * another in between. */
int gouv_signal_own(int signum) {
  struct sigaction now, ours;

  if (guard_error)
    return guard_error;
  if (!get_disposition(signum, &now))
    return UV_EINVAL;
  if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_signal)
    return 0;
  before[signum] = now;
  foreign[signum] = (unsigned char) is_foreign(&now);
  memset(&ours, 0, sizeof(ours));
  ours.sa_sigaction = on_signal;
  ours.sa_flags = SA_ONSTACK | SA_SIGINFO | SA_RESTART;
  sigfillset(&ours.sa_mask);
  return sigaction(signum, &ours, NULL) ? UV_EINVAL : 0;
}

/* Whether somebody else has a signal that can be watched, or had it before the
 * first watcher started. */
int gouv_signal_foreign(int signum) {
  struct sigaction now;

  if (!get_disposition(signum, &now))
    return 0;
  return now.sa_sigaction == on_signal ? foreign[signum] : is_foreign(&now);
}

/* Whether a signal that can be watched is ignored. */
int gouv_signal_ignored(int signum) {
  struct sigaction now;

  return get_disposition(signum, &now) && now.sa_handler == SIG_IGN;
}

/* Puts back what was there before the first watcher started, unless somebody
 * has installed something else since. */
void gouv_signal_disown(int signum) {
  struct sigaction now;

  if (sigaction(signum, NULL, &now) == 0 && now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_signal)
    sigaction(signum, &before[signum], NULL);
}

/* Waits for a signal that is to be passed on. Only one thread does. */
int gouv_signal_next(void) {
  static int signum;

  uv_sem_wait(&to_relay);
  do
    signum = signum % (SIGNALS - 1) + 1;
  while (!__atomic_load_n(&relayed[signum], __ATOMIC_SEQ_CST));
  return signum;
}

/* Takes note that a signal's way ends here. Meanwhile the last watcher may have
 * stopped, and what was there before is back: whether there is a handler still. */
int gouv_signal_wanted(int signum) {
  struct sigaction now;

  __atomic_store_n(&relayed[signum], 0, __ATOMIC_SEQ_CST);
  return sigaction(signum, NULL, &now) == 0 && now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN;
}

/* Passes a signal on, on this thread, which is Go's. */
void gouv_signal_pass(int signum) {
  passing = signum;
  raise(signum);
  passing = 0;
}

/* Processes */

/* A fork copies the page tables of all memory, and so takes the longer the more
 * there is. The child runs nothing but C until it executes
 * its program: Go's heap, on which goroutines have their stacks too, need not be
 * there. */
#ifdef __linux__

static struct {
  uintptr_t start, end; /* the same where it was not found */
  int looked, more;     /* whether there was something mapped at its end, too */
} heap;

enum {
  ARENA = 64 << 20, /* which Go's heap is made of, on 64-bit systems */
  APART = 1 << 30
};

static int is_mapped(uintptr_t address) {
  unsigned char resident;

  return mincore((void *) address, 1, &resident) == 0;
}

/* Finds the heap by an address in it: anonymous mappings, one after the other,
 * from one arena's boundary to another's, and nothing else near. Go asks for
 * addresses far from all others, and where it does not get them, its heap is
 * among C's memory and cannot be told from it. */
static void find_heap(uintptr_t inside) {
  FILE *maps = fopen("/proc/self/maps", "re");
  uintptr_t below = 0, from = 0, to = 0, above = UINTPTR_MAX, start, end;
  unsigned long inode;
  char line[4096 + 128], perms[5];
  int name;

  heap.looked = maps != NULL;
  heap.start = heap.end = 0;
  while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*x %*s %lu %n", &start, &end, perms, &inode, &name) != 4)
      break;
    if (start != to) {
      if (from <= inside && inside < to) {
        above = start;
        break;
      }
      below = to;
      from = start;
    }
    to = end;
    if (inode != 0 || (strcmp(perms, "rw-p") && strcmp(perms, "---p")) ||
        (line[name] != '\0' && strncmp(line + name, "[anon: Go:", 10))) {
      if (from <= inside && inside < start) {
        above = to = start;
        break;
      }
      below = from = end;
    }
  }
  if (maps != NULL)
    fclose(maps);
  if (from - below < APART || above - to < APART)
    return;
  from = (from + ARENA - 1) / ARENA * ARENA;
  to = to / ARENA * ARENA;
  if (from <= inside && inside < to) {
    heap.start = from;
    heap.end = to;
    heap.more = is_mapped(to);
  }
}

static int in_heap(const void *address) {
  return heap.start <= (uintptr_t) address && (uintptr_t) address < heap.end;
}

/* Keeps the heap from children for as long as a fork takes. It grows at its end,
 * so that is where to look whether it must be found anew. C's stack and C's
 * memory, which children do need, cannot be there: better to look than to
 * believe. */
static int hide_heap(uintptr_t inside, const void *on_stack, const void *allocated) {
  if (!heap.looked || (heap.start != heap.end && is_mapped(heap.end) != heap.more))
    find_heap(inside);
  if (heap.start == heap.end || in_heap(on_stack) || in_heap(allocated))
    return 0;
  madvise((void *) heap.start, heap.end - heap.start, MADV_DONTFORK);
  return 1;
}

static void show_heap(void) { madvise((void *) heap.start, heap.end - heap.start, MADV_DOFORK); }

#else
static int hide_heap(uintptr_t inside, const void *on_stack, const void *allocated) {
  return (void) inside, (void) on_stack, (void) allocated, 0;
}
static void show_heap(void) {}
#endif

static void find(uv_handle_t *handle, void *arg) {
  uv_handle_t **wanted = arg;
  if (handle == *wanted)
    *wanted = NULL;
}

/* uv_spawn, with the child's limits as a C program's children have them, and
 * without Go's heap, which the options are in. libuv 1.52 takes a handle off the
 * loop's list when it fails before the fork, and uv_close then does so again,
 * which breaks the list: such a handle's links are made to point at itself, so
 * that the second time does no harm. */
int gouv_spawn(uv_loop_t *loop, uv_process_t *process, const uv_process_options_t *options) {
  int filled[3];
  uv_process_options_t known = *options;
  uv_handle_t *missing = (uv_handle_t *) process;
  void *links[2];
  int hidden, err;

  if (uv_version() < 0x013000) /* libuv 1.48 brought the flag, which does nothing on Unix */
    known.flags &= ~(unsigned int) UV_PROCESS_WINDOWS_FILE_PATH_EXACT_NAME;
  fill_standard_descriptors(O_CLOEXEC, filled);
  hidden = hide_heap((uintptr_t) options, &known, process);
  spawning = 1;
  err = uv_spawn(loop, process, &known);
  spawning = 0;
  if (hidden)
    show_heap();
  free_standard_descriptors(filled);
  if (err != 0 && uv_version() >= 0x013400) {
    uv_walk(loop, find, &missing);
    if (missing != NULL) {
      links[0] = links[1] = &process->handle_queue;
      memcpy(&process->handle_queue, links, sizeof(links));
    }
  }
  return err;
}

/* uv_close for a process handle whose options were refused before libuv saw
 * it. libuv can only close what it has initialised, so it gets an idle handle
 * in the same place. */
void gouv_close_unspawned(uv_loop_t *loop, uv_handle_t *handle) {
  uv_idle_init(loop, (uv_idle_t *) handle);
  uv_close(handle, gouv_close_cb);
}

/* Streams */

/* Whether the loop can wait for a descriptor. libuv finds out when it is too
 * late, and aborts. */
int gouv_can_wait_for(uv_loop_t *loop, int fd) {
#ifdef __linux__
  struct epoll_event nothing;

  memset(&nothing, 0, sizeof(nothing));
  if (epoll_ctl(loop->backend_fd, EPOLL_CTL_ADD, fd, &nothing))
    return uv_translate_sys_error(errno);
  epoll_ctl(loop->backend_fd, EPOLL_CTL_DEL, fd, &nothing);
#else
  (void) loop, (void) fd;
#endif
  return 0;
}

/* uv_listen. A connect, a write or a shutdown that is over may have left a call
 * of the stream's io callback behind, to be made in the next iteration, and the
 * io callback of a listening stream aborts on that. Nothing is left to be done
 * in it, so it is taken off the loop's queue. */
int gouv_listen(uv_stream_t *stream, int backlog) {
  struct queue {
    struct queue *next, *prev;
  } *pending = (struct queue *) &stream->io_watcher.pending_queue;
  int err = uv_listen(stream, backlog, gouv_connection_cb);

  if (err == 0) {
    pending->next->prev = pending->prev;
    pending->prev->next = pending->next;
    pending->next = pending->prev = pending;
  }
  return err;
}

/* Lets a handle be closed that a write is still to send, which libuv does not
 * allow for: from here on the write sends a copy. All that libuv looks at is
 * the copy's type, its flags and its descriptor. */
uv_stream_t *gouv_copy_to_send(uv_write_t *req) {
  uv_stream_t *handle = req->send_handle, *copy = calloc(1, uv_handle_size(handle->type));
  uv_os_fd_t fd;

  if (copy == NULL || uv_fileno((uv_handle_t *) handle, &fd))
    goto failed;
  copy->type = handle->type;
  copy->loop = handle->loop;
  copy->io_watcher.fd = gouv_move_up(fd, 3);
  if (copy->io_watcher.fd < 0)
    goto failed;
  req->send_handle = copy;
  return copy;

failed:
  free(copy);
  return NULL;
}

void gouv_free_copy(uv_stream_t *copy) {
  close(copy->io_watcher.fd);
  free(copy);
}

/* uv_write2 and uv_try_write2 for the usual case of one buffer, which then
 * needs no array in Go's memory. */
int gouv_write(uv_write_t *req, uv_stream_t *stream, char *base, size_t len, uv_stream_t *send) {
  uv_buf_t buf;

  buf.base = base;
  buf.len = len;
  return uv_write2(req, stream, &buf, 1, send, gouv_write_cb);
}

int gouv_try_write(uv_stream_t *stream, char *base, size_t len, uv_stream_t *send) {
  uv_buf_t buf;

  buf.base = base;
  buf.len = len;
  return uv_try_write2(stream, &buf, 1, send);
}

/* Threads */

static void thread_entry(void *arg) { gouvOnThread((uintptr_t) arg); }

int gouv_thread_create(uv_thread_t *tid, uintptr_t id) { return uv_thread_create(tid, thread_entry, (void *) id); }

/* Trampolines */

enum { READ_BUFFER = 64 * 1024 };

static uintptr_t id_of(const void *handle) { return (uintptr_t) ((const uv_handle_t *) handle)->data; }
static uintptr_t id_of_req(const void *req) { return (uintptr_t) ((const uv_req_t *) req)->data; }

void gouv_close_cb(uv_handle_t *handle) { gouvOnClose(id_of(handle)); }
void gouv_timer_cb(uv_timer_t *handle) { gouvOnTimer(id_of(handle)); }
void gouv_prepare_cb(uv_prepare_t *handle) { gouvOnPrepare(id_of(handle)); }
void gouv_check_cb(uv_check_t *handle) { gouvOnCheck(id_of(handle)); }
void gouv_idle_cb(uv_idle_t *handle) { gouvOnIdle(id_of(handle)); }
void gouv_async_cb(uv_async_t *handle) { gouvOnAsync(id_of(handle)); }
void gouv_signal_cb(uv_signal_t *handle, int signum) { gouvOnSignal(id_of(handle), signum); }
void gouv_connection_cb(uv_stream_t *server, int status) { gouvOnConnection(id_of(server), status); }
void gouv_write_cb(uv_write_t *req, int status) { gouvOnWrite(id_of_req(req), status); }
void gouv_connect_cb(uv_connect_t *req, int status) { gouvOnConnect(id_of_req(req), status); }
void gouv_shutdown_cb(uv_shutdown_t *req, int status) { gouvOnShutdown(id_of_req(req), status); }
void gouv_fs_cb(uv_fs_t *req) { gouvOnFs(id_of_req(req)); }

void gouv_walk_cb(uv_handle_t *handle, void *arg) {
  (void) arg;
  gouvOnWalk(id_of(handle));
}

void gouv_exit_cb(uv_process_t *handle, int64_t exit_status, int term_signal) {
  gouvOnExit(id_of(handle), exit_status, term_signal);
}

/* The alloc callback of a read that gave none: the loop's own buffer, which is
 * free again when the read callback returns. */
void gouv_loop_alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  gouv_loop_t *shared = handle->loop->data;

  (void) suggested; /* libuv always suggests 64 KiB */
  if (shared->buffer == NULL)
    shared->buffer = malloc(READ_BUFFER);
  buf->base = shared->buffer;
  buf->len = shared->buffer == NULL ? 0 : READ_BUFFER;
}

void gouv_alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  gouvOnAlloc(id_of(handle), suggested, buf);
}

void gouv_read_cb(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  gouvOnRead(id_of(stream), nread, buf->base);
}
