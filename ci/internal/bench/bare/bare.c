#include "bare.h"

#include <signal.h>

static uv_loop_t *loop;
static int tcp;

static void on_close(uv_handle_t *handle) { free(handle); }

void bare_close(uv_stream_t *stream) { uv_close((uv_handle_t *) stream, on_close); }

uv_stream_t *bare_init(int is_tcp) {
  uv_stream_t *stream = must_alloc(is_tcp ? sizeof(uv_tcp_t) : sizeof(uv_pipe_t));

  if (is_tcp)
    must(uv_tcp_init(loop, (uv_tcp_t *) stream), "uv_tcp_init");
  else
    must(uv_pipe_init(loop, (uv_pipe_t *) stream, 0), "uv_pipe_init");
  return stream;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char buffer[64 * 1024];

  (void) handle, (void) suggested;
  *buf = uv_buf_init(buffer, sizeof(buffer));
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) { goOnRead(stream, nread, buf->base); }

static void on_connection(uv_stream_t *server, int status) {
  uv_stream_t *client = bare_init(tcp);

  must(status, "connection");
  must(uv_accept(server, client), "uv_accept");
  if (tcp)
    must(uv_tcp_nodelay((uv_tcp_t *) client, 1), "uv_tcp_nodelay");
  must(uv_read_start(client, on_alloc, on_read), "uv_read_start");
}

void bare_listen(int is_tcp, const char *path) {
  struct sockaddr_in addr;
  int len = sizeof(addr);
  uv_stream_t *server;

  loop = uv_default_loop();
  tcp = is_tcp;
  server = bare_init(tcp);
  if (tcp) {
    must(uv_ip4_addr("127.0.0.1", 0, &addr), "uv_ip4_addr");
    must(uv_tcp_bind((uv_tcp_t *) server, (struct sockaddr *) &addr, 0), "uv_tcp_bind");
  } else {
    must(uv_pipe_bind((uv_pipe_t *) server, path), "uv_pipe_bind");
  }
  must(uv_listen(server, 1024, on_connection), "uv_listen");
  if (tcp) {
    must(uv_tcp_getsockname((uv_tcp_t *) server, (struct sockaddr *) &addr, &len), "uv_tcp_getsockname");
    printf("ready %d\n", ntohs(addr.sin_port));
  } else {
    printf("ready %s\n", path);
  }
  fflush(stdout);
}

int bare_try_write(uv_stream_t *stream, char *base, size_t len) {
  uv_buf_t buf = uv_buf_init(base, (unsigned int) len);

  return uv_try_write(stream, &buf, 1);
}

typedef struct {
  uv_write_t req;
  uv_buf_t buf;
} write_t;

static void on_written(uv_write_t *req, int status) {
  (void) status; /* the reads will say so */
  free(req);
}

void bare_write_later(uv_stream_t *stream, const char *base, size_t len) {
  write_t *w = must_alloc(sizeof(*w) + len);

  w->buf = uv_buf_init(memcpy(w + 1, base, len), (unsigned int) len);
  must(uv_write(&w->req, stream, &w->buf, 1, on_written), "uv_write");
}

void bare_receive(void) {
  static uv_pipe_t pipe;

  loop = uv_default_loop();
  must(uv_pipe_init(loop, &pipe, 1), "uv_pipe_init");
  must(uv_pipe_open(&pipe, 0), "uv_pipe_open");
  must(uv_read_start((uv_stream_t *) &pipe, on_alloc, on_read), "uv_read_start");
}

static uv_stream_t *ipc, *to_send;

static void on_sent(uv_write_t *req, int status) { goOnSent(req, status); }

void bare_send(uv_write_t *req) {
  uv_buf_t message = uv_buf_init("x", 1);

  must(uv_write2(req, ipc, &message, 1, to_send, on_sent), "uv_write2");
}

void bare_send_all(int is_tcp) {
  static uv_pipe_t pipe;
  static uv_write_t reqs[16];
  struct sockaddr_in addr;
  uv_os_sock_t pair[2];
  size_t i;

  loop = uv_default_loop();
  must(uv_pipe_init(loop, &pipe, 1), "uv_pipe_init");
  must(uv_pipe_open(&pipe, 0), "uv_pipe_open");
  ipc = (uv_stream_t *) &pipe;
  to_send = bare_init(is_tcp);
  if (is_tcp) {
    must(uv_ip4_addr("127.0.0.1", 0, &addr), "uv_ip4_addr");
    must(uv_tcp_bind((uv_tcp_t *) to_send, (struct sockaddr *) &addr, 0), "uv_tcp_bind");
  } else {
    must(uv_socketpair(SOCK_STREAM, 0, pair, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE), "uv_socketpair");
    must(uv_pipe_open((uv_pipe_t *) to_send, pair[0]), "uv_pipe_open");
  }
  for (i = 0; i < sizeof(reqs) / sizeof(reqs[0]); i++)
    bare_send(&reqs[i]);
}

static void on_signal(uv_signal_t *handle, int signum) {
  (void) handle, (void) signum;
  goOnSignal();
}

/* libuv's handlers lack it, and Go's threads do not survive that. */
static void on_alternate_stack(int signum) {
  struct sigaction action;

  sigaction(signum, NULL, &action);
  action.sa_flags |= SA_ONSTACK;
  sigaction(signum, &action, NULL);
}

void bare_watch(int watchers) {
  uv_signal_t *handles = must_alloc((size_t) watchers * sizeof(*handles));
  int i;

  loop = uv_default_loop();
  for (i = 0; i < watchers; i++) {
    must(uv_signal_init(loop, &handles[i]), "uv_signal_init");
    must(uv_signal_start(&handles[i], on_signal, SIGUSR1), "uv_signal_start");
  }
  on_alternate_stack(SIGUSR1);
}

static void on_child(uv_signal_t *handle, int signum) { (void) handle, (void) signum; }

/* The C program's loop as it is, with a watcher of SIGCHLD that keeps libuv from
 * installing its handler anew. */
void bare_spawn(char *mib, char *ms) {
  static uv_signal_t keep;
  char *args[] = {mib, ms};

  must(uv_signal_init(uv_default_loop(), &keep), "uv_signal_init");
  must(uv_signal_start(&keep, on_child, SIGCHLD), "uv_signal_start");
  uv_unref((uv_handle_t *) &keep);
  on_alternate_stack(SIGCHLD);
  spawn_main(args);
}

void bare_run(void) { uv_run(loop, UV_RUN_DEFAULT); }
void bare_stop(void) { uv_stop(loop); }
