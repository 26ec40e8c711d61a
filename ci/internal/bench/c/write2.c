/* write2-send KIND MS: sends a handle, pipe or tcp, over the ipc pipe that is
 * descriptor 0, again and again, several at a time. write2-receive KIND accepts
 * and closes what comes over its descriptor 0, and counts. */

#include "bench.h"

enum { IN_FLIGHT = 16 };

static uv_loop_t *loop;
static uv_pipe_t ipc;

static uv_stream_t *to_send;
static uv_buf_t message;
static uint64_t deadline;

static void on_sent(uv_write_t *req, int status) {
  must(status, "write2");
  if (uv_hrtime() < deadline)
    must(uv_write2(req, (uv_stream_t *) &ipc, &message, 1, to_send, on_sent), "uv_write2");
}

void write2_send_main(char **args) {
  static uv_write_t reqs[IN_FLIGHT];
  static uv_pipe_t pipe;
  static uv_tcp_t tcp;
  struct sockaddr_in addr;
  uv_os_sock_t pair[2];
  int i;

  loop = uv_default_loop();
  must(uv_pipe_init(loop, &ipc, 1), "uv_pipe_init");
  must(uv_pipe_open(&ipc, 0), "uv_pipe_open");
  if (strcmp(args[0], "tcp") == 0) {
    must(uv_tcp_init(loop, &tcp), "uv_tcp_init");
    must(uv_ip4_addr("127.0.0.1", 0, &addr), "uv_ip4_addr");
    must(uv_tcp_bind(&tcp, (struct sockaddr *) &addr, 0), "uv_tcp_bind");
    to_send = (uv_stream_t *) &tcp;
  } else {
    must(uv_socketpair(SOCK_STREAM, 0, pair, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE), "uv_socketpair");
    must(uv_pipe_init(loop, &pipe, 0), "uv_pipe_init");
    must(uv_pipe_open(&pipe, pair[0]), "uv_pipe_open");
    to_send = (uv_stream_t *) &pipe;
  }
  message = uv_buf_init("x", 1);
  deadline = in_ms(args[1]);
  for (i = 0; i < IN_FLIGHT; i++)
    must(uv_write2(&reqs[i], (uv_stream_t *) &ipc, &message, 1, to_send, on_sent), "uv_write2");
  uv_run(loop, UV_RUN_DEFAULT);
}

static int tcp_comes;
static uint64_t received, first, last;

static void on_close(uv_handle_t *handle) { free(handle); }

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char buffer[64 * 1024];

  (void) handle, (void) suggested;
  *buf = uv_buf_init(buffer, sizeof(buffer));
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  (void) buf;
  if (nread < 0) {
    uv_close((uv_handle_t *) stream, NULL);
    return;
  }
  while (uv_pipe_pending_count(&ipc) > 0) {
    uv_stream_t *handle = must_alloc(tcp_comes ? sizeof(uv_tcp_t) : sizeof(uv_pipe_t));

    if (tcp_comes)
      must(uv_tcp_init(loop, (uv_tcp_t *) handle), "uv_tcp_init");
    else
      must(uv_pipe_init(loop, (uv_pipe_t *) handle, 0), "uv_pipe_init");
    must(uv_accept(stream, handle), "uv_accept");
    uv_close((uv_handle_t *) handle, on_close);
    last = uv_hrtime();
    if (received++ == 0)
      first = last;
  }
}

void write2_receive_main(char **args) {
  tcp_comes = strcmp(args[0], "tcp") == 0;
  loop = uv_default_loop();
  must(uv_pipe_init(loop, &ipc, 1), "uv_pipe_init");
  must(uv_pipe_open(&ipc, 0), "uv_pipe_open");
  must(uv_read_start((uv_stream_t *) &ipc, on_alloc, on_read), "uv_read_start");
  uv_run(loop, UV_RUN_DEFAULT);
  if (received < 2)
    must(UV_EOF, "nothing was received");
  report("received", (double) (received - 1) / (double) (last - first) * 1e9, "handles/s");
}
