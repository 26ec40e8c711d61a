/* flat KIND COUNT MS PATH: what an event costs in a loop of COUNT handles, pipe or
 * timer. There is one event at a time, and each is another handle's: the pipe
 * that is called writes to the next one, the timer that is due
 * starts itself for later and the next one for now. The pipes are FIFOs, made at
 * PATH, which have both ends in one descriptor. */

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 500, LATER = 3600000 };

static uv_loop_t *loop;
static uint64_t events, limit, at, count;
static const uint64_t stride = 7919; /* a prime, so that neighbours are not called one after the other */

static uv_pipe_t *pipes;
static int *fds;

static void push(void) {
  at = (at + stride) % count;
  if (write(fds[at], "x", 1) != 1)
    must(-errno, "write");
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char buffer[64 * 1024];

  (void) handle, (void) suggested;
  *buf = uv_buf_init(buffer, sizeof(buffer));
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  (void) buf;
  must((int) nread, "read");
  if (nread == 0)
    return;
  if (++events == limit)
    uv_stop(stream->loop);
  push();
}

static uv_timer_t *timers;

static void on_timer(uv_timer_t *timer) {
  uv_timer_start(timer, on_timer, LATER, 0);
  if (++events == limit) {
    uv_stop(timer->loop);
    return;
  }
  at = (at + stride) % count;
  uv_timer_start(&timers[at], on_timer, 0, 0);
}

void flat_main(char **args) {
  int pipe = strcmp(args[0], "pipe") == 0;
  uint64_t deadline = 0, began, i;
  int batches = 0;

  loop = uv_default_loop();
  count = strtoull(args[1], NULL, 10);
  pipes = must_alloc(count * sizeof(*pipes));
  fds = must_alloc(count * sizeof(*fds));
  timers = must_alloc(count * sizeof(*timers));
  for (i = 0; i < count; i++) {
    if (pipe) {
      if (mkfifo(args[3], 0600) || (fds[i] = open(args[3], O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0 || unlink(args[3]))
        must(-errno, "fifo");
      must(uv_pipe_init(loop, &pipes[i], 0), "uv_pipe_init");
      must(uv_pipe_open(&pipes[i], fds[i]), "uv_pipe_open");
      must(uv_read_start((uv_stream_t *) &pipes[i], on_alloc, on_read), "uv_read_start");
    } else {
      must(uv_timer_init(loop, &timers[i]), "uv_timer_init");
      must(uv_timer_start(&timers[i], on_timer, LATER, 0), "uv_timer_start");
    }
  }
  if (pipe)
    push();
  while (batches == 0 || uv_hrtime() < deadline) {
    uint64_t before = events;

    limit = events + (before == 0 && count > BATCH ? count : BATCH);
    if (!pipe)
      uv_timer_start(&timers[at], on_timer, 0, 0);
    began = uv_hrtime();
    uv_run(loop, UV_RUN_DEFAULT);
    if (before == 0) {
      deadline = in_ms(args[2]); /* now that every handle has had its first event */
      continue;
    }
    add_batch(uv_hrtime() - began, events - before);
    batches++;
  }
  report_batches("event");
}
