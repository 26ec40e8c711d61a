/* load TRANSPORT ADDRESS CONNECTIONS SIZE DEPTH WARMUP MS PID: the load for all
 * echo servers, on epoll alone. Each connection has DEPTH messages of SIZE bytes
 * on their way, and sends a new one for each that has come back whole. While it
 * warms up it also looks at what comes back. PID is the server's, whose processor
 * time is measured. */

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, BUFFER = 256 * 1024 };

typedef struct {
  int fd, polling_out;
  size_t received; /* of the message that is coming back */
  size_t position; /* in the message, of what is to be sent next */
  size_t owed;     /* bytes to be sent */
} connection_t;

static char in[BUFFER], *out; /* out has DEPTH + 1 messages */
static size_t size, depth;
static int epoll_fd;

static void die(const char *what) { must(-errno, what); }

static void interest(connection_t *c, int polling_out) {
  struct epoll_event event;

  if (c->polling_out == polling_out)
    return;
  c->polling_out = polling_out;
  event.events = polling_out ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.ptr = c;
  if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event))
    die("epoll_ctl");
}

static void flush(connection_t *c) {
  ssize_t n;

  while (c->owed > 0) {
    n = write(c->fd, out + c->position, c->owed < depth * size ? c->owed : depth * size);
    if (n < 0 && errno == EAGAIN)
      break;
    if (n < 0)
      die("write");
    c->owed -= (size_t) n;
    c->position = (c->position + (size_t) n) % size;
  }
  interest(c, c->owed > 0);
}

/* Reads, and returns how many messages have come back. */
static size_t drain(connection_t *c, int look) {
  ssize_t n = read(c->fd, in, sizeof(in)), at, part;
  size_t messages;

  if (n < 0 && errno == EAGAIN)
    return 0;
  if (n <= 0) {
    fprintf(stderr, "the server has hung up\n");
    exit(1);
  }
  for (at = 0; look && at < n; at += part) {
    size_t position = (c->received + (size_t) at) % size;

    part = (ssize_t) (size - position) < n - at ? (ssize_t) (size - position) : n - at;
    if (memcmp(in + at, out + position, (size_t) part)) {
      fprintf(stderr, "what came back is not what was sent\n");
      exit(1);
    }
  }
  messages = (c->received + (size_t) n) / size;
  c->received = (c->received + (size_t) n) % size;
  return messages;
}

static void connect_to(connection_t *c, int tcp, const char *address) {
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  struct sockaddr_in in4 = {.sin_family = AF_INET};
  struct epoll_event event;
  int one = 1;

  c->fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c->fd < 0)
    die("socket");
  if (tcp) {
    in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in4.sin_port = htons((uint16_t) atoi(address));
    if (connect(c->fd, (struct sockaddr *) &in4, sizeof(in4)))
      die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  } else {
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", address);
    if (connect(c->fd, (struct sockaddr *) &un, sizeof(un)))
      die("connect");
  }
  if (fcntl(c->fd, F_SETFL, O_NONBLOCK))
    die("fcntl");
  event.events = EPOLLIN;
  event.data.ptr = c;
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event))
    die("epoll_ctl");
}

static uint64_t clock_ns(clockid_t id) {
  struct timespec t;

  if (clock_gettime(id, &t))
    die("clock_gettime");
  return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

void load_main(char **args) {
  int tcp = strcmp(args[0], "tcp") == 0, count = atoi(args[2]), i, n, measuring = 0;
  connection_t *connections = calloc((size_t) count, sizeof(*connections));
  struct epoll_event events[EVENTS];
  struct rlimit files;
  clockid_t server;
  uint64_t began, ends, now, cpu = 0, own = 0, messages = 0;
  size_t at;

  size = strtoull(args[3], NULL, 10);
  depth = strtoull(args[4], NULL, 10);
  if (clock_getcpuclockid(atoi(args[7]), &server))
    must(UV_ESRCH, "the server's clock");
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  out = must_alloc((depth + 1) * size);
  for (at = 0; at < (depth + 1) * size; at++)
    out[at] = (char) (at % size * 7 + at % size / 256);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  for (i = 0; i < count; i++)
    connect_to(&connections[i], tcp, args[1]);

  began = uv_hrtime();
  ends = in_ms(args[5]);
  for (i = 0; i < count; i++) {
    connections[i].owed = depth * size;
    flush(&connections[i]);
  }
  for (;;) {
    now = uv_hrtime();
    if (now >= ends) {
      if (measuring)
        break;
      measuring = 1;
      messages = 0;
      cpu = clock_ns(server);
      own = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
      began = uv_hrtime();
      ends = in_ms(args[6]);
    }
    n = epoll_wait(epoll_fd, events, EVENTS, 1000);
    if (n < 0 && errno != EINTR)
      die("epoll_wait");
    if (n == 0) {
      fprintf(stderr, "the server does not answer\n");
      exit(1);
    }
    for (i = 0; i < n; i++) {
      connection_t *c = events[i].data.ptr;
      size_t back = 0;

      if (events[i].events & ~(unsigned) EPOLLOUT)
        back = drain(c, !measuring);
      messages += back;
      c->owed += back * size;
      if (c->owed > 0)
        flush(c);
    }
  }
  cpu = clock_ns(server) - cpu;
  own = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own;
  if (messages == 0)
    must(UV_ETIMEDOUT, "no message has come back");
  report("rate", (double) messages / (double) (now - began) * 1e9, "messages/s");
  report("cpu", (double) cpu / (double) messages, "ns");
  report("load", (double) own / (double) (now - began), "busy");
}
