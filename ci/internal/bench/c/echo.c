/* echo STYLE TRANSPORT PATH: an echo server. Style guide is what libuv's guide
 * teaches: a buffer and a request from malloc for each read, free when they have
 * been written. Style tuned has one buffer, and writes what it can at once. For
 * transport tcp the path is not used, and the port is any that is free. */

#include "bench.h"

#include <sys/resource.h>

static uv_loop_t *loop;
static int tuned, tcp;

typedef struct {
  uv_write_t req;
  uv_buf_t buf;
} write_t;

static void on_close(uv_handle_t *handle) { free(handle); }

static void on_written(uv_write_t *req, int status) {
  write_t *w = (write_t *) req;

  (void) status; /* the reads will say so */
  free(w->buf.base);
  free(w);
}

static void send_later(uv_stream_t *client, char *base, size_t len) {
  write_t *w = must_alloc(sizeof(*w));

  w->buf = uv_buf_init(base, (unsigned int) len);
  if (uv_write(&w->req, client, &w->buf, 1, on_written))
    on_written(&w->req, 0);
}

static void guide_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void) handle;
  *buf = uv_buf_init(must_alloc(suggested), (unsigned int) suggested);
}

static void guide_read(uv_stream_t *client, ssize_t nread, const uv_buf_t *buf) {
  if (nread > 0) {
    send_later(client, buf->base, (size_t) nread);
    return;
  }
  if (nread < 0)
    uv_close((uv_handle_t *) client, on_close);
  free(buf->base);
}

static void tuned_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char buffer[64 * 1024];

  (void) handle, (void) suggested;
  *buf = uv_buf_init(buffer, sizeof(buffer));
}

static void tuned_read(uv_stream_t *client, ssize_t nread, const uv_buf_t *buf) {
  uv_buf_t out;
  int written;
  char *rest;

  if (nread < 0)
    uv_close((uv_handle_t *) client, on_close);
  if (nread <= 0)
    return;
  out = uv_buf_init(buf->base, (unsigned int) nread);
  written = uv_try_write(client, &out, 1);
  if (written == nread)
    return;
  if (written < 0)
    written = 0;
  rest = must_alloc((size_t) (nread - written));
  memcpy(rest, buf->base + written, (size_t) (nread - written));
  send_later(client, rest, (size_t) (nread - written));
}

static void on_connection(uv_stream_t *server, int status) {
  uv_stream_t *client = must_alloc(tcp ? sizeof(uv_tcp_t) : sizeof(uv_pipe_t));

  must(status, "connection");
  if (tcp)
    must(uv_tcp_init(loop, (uv_tcp_t *) client), "uv_tcp_init");
  else
    must(uv_pipe_init(loop, (uv_pipe_t *) client, 0), "uv_pipe_init");
  must(uv_accept(server, client), "uv_accept");
  if (tcp && tuned)
    must(uv_tcp_nodelay((uv_tcp_t *) client, 1), "uv_tcp_nodelay");
  must(uv_read_start(client, tuned ? tuned_alloc : guide_alloc, tuned ? tuned_read : guide_read), "uv_read_start");
}

void echo_main(char **args) {
  static uv_pipe_t pipe_server;
  static uv_tcp_t tcp_server;
  struct sockaddr_in addr;
  struct rlimit files;
  int len = sizeof(addr);

  tuned = strcmp(args[0], "tuned") == 0;
  tcp = strcmp(args[1], "tcp") == 0;
  getrlimit(RLIMIT_NOFILE, &files); /* as Go does */
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  loop = uv_default_loop();
  if (tcp) {
    must(uv_tcp_init(loop, &tcp_server), "uv_tcp_init");
    must(uv_ip4_addr("127.0.0.1", 0, &addr), "uv_ip4_addr");
    must(uv_tcp_bind(&tcp_server, (struct sockaddr *) &addr, 0), "uv_tcp_bind");
    must(uv_listen((uv_stream_t *) &tcp_server, 1024, on_connection), "uv_listen");
    must(uv_tcp_getsockname(&tcp_server, (struct sockaddr *) &addr, &len), "uv_tcp_getsockname");
    printf("ready %d\n", ntohs(addr.sin_port));
  } else {
    must(uv_pipe_init(loop, &pipe_server, 0), "uv_pipe_init");
    must(uv_pipe_bind(&pipe_server, args[2]), "uv_pipe_bind");
    must(uv_listen((uv_stream_t *) &pipe_server, 1024, on_connection), "uv_listen");
    printf("ready %s\n", args[2]);
  }
  fflush(stdout);
  uv_run(loop, UV_RUN_DEFAULT);
}
