#include "side.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum { TIMER, CHILD, PING, KINDS };
static const char *const kinds[KINDS] = {"timers", "children", "asyncs"};
static const char *const watchers[WATCHERS] = {"C", "the binding", "os/signal", "C alone"};

static uv_loop_t loop;
static uv_timer_t ticker;
static uv_signal_t shared, alone;
static uv_async_t ping, over;
static uv_sem_t pong;
static uv_process_t children[2];
static int rounds, spawned, unsafe;
static int counts[KINDS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int seen[WATCHERS], ready, finished;

static void check(int err, const char *what) {
  if (err == 0)
    return;
  fprintf(stderr, "together: %s: %s\n", what, uv_strerror(err));
  abort();
}

/* set changes what await waits for. */
static void set(int *value) {
  pthread_mutex_lock(&lock);
  ++*value;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

static void await(const int *value, int wanted, const char *what) {
  struct timespec limit;

  clock_gettime(CLOCK_REALTIME, &limit);
  limit.tv_sec += 60;
  pthread_mutex_lock(&lock);
  while (*value < wanted)
    if (pthread_cond_timedwait(&changed, &lock, &limit) == ETIMEDOUT) {
      fprintf(stderr, "together: %s: %d of %d after a minute\n", what, *value, wanted);
      abort();
    }
  pthread_mutex_unlock(&lock);
}

void side_ready(void) { set(&ready); }
void side_saw(int who) { set(&seen[who]); }
void side_wait(void) {
  pthread_mutex_lock(&lock);
  while (!finished)
    pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
}

int side_unsafe_handlers(void) {
  static const int signums[] = {SIGUSR1, SIGUSR2, SIGCHLD};
  struct sigaction now;
  int i, n = 0;

  for (i = 0; i < 3; i++) {
    if (sigaction(signums[i], NULL, &now))
      abort();
    n += now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN && !(now.sa_flags & SA_ONSTACK);
  }
  return n;
}

static void on_tick(uv_timer_t *timer) {
  unsafe += side_unsafe_handlers();
  if (++counts[TIMER] == rounds)
    uv_close((uv_handle_t *) timer, NULL);
}

static void on_shared(uv_signal_t *handle, int signum) { (void) handle, (void) signum, side_saw(SEEN_BY_C); }
static void on_alone(uv_signal_t *handle, int signum) { (void) handle, (void) signum, side_saw(SEEN_ALONE); }

static void spawn(uv_process_t *child);

static void on_closed(uv_handle_t *handle) {
  if (spawned < rounds)
    spawn((uv_process_t *) handle);
}

static void on_exit_of(uv_process_t *child, int64_t status, int term_signal) {
  counts[CHILD] += status == 7 && term_signal == 0;
  uv_close((uv_handle_t *) child, on_closed);
}

static void spawn(uv_process_t *child) {
  static char *args[] = {"sh", "-c", "exit 7", NULL};
  uv_process_options_t options;

  memset(&options, 0, sizeof(options));
  options.exit_cb = on_exit_of;
  options.file = args[0];
  options.args = args;
  spawned++;
  check(uv_spawn(&loop, child, &options), "uv_spawn");
}

static void on_ping(uv_async_t *handle) {
  if (++counts[PING] == rounds)
    uv_close((uv_handle_t *) handle, NULL);
  uv_sem_post(&pong);
}

static void ping_all(void *arg) {
  int i;

  (void) arg;
  for (i = 0; i < rounds; i++) {
    check(uv_async_send(&ping), "uv_async_send");
    uv_sem_wait(&pong);
  }
}

/* Sends one signal at a time, since the kernel merges those that wait. */
static void send_signals(void *arg) {
  int i, who;

  (void) arg;
  await(&ready, 1, "the Go side");
  for (i = 1; i <= rounds; i++) {
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    for (who = 0; who < WATCHERS; who++)
      await(&seen[who], i, watchers[who]);
  }
  check(uv_async_send(&over), "uv_async_send");
}

static void on_over(uv_async_t *handle) {
  uv_close((uv_handle_t *) &shared, NULL);
  uv_close((uv_handle_t *) &alone, NULL);
  uv_close((uv_handle_t *) handle, NULL);
}

int side_run(int wanted) {
  uv_thread_t pinger, sender;
  int i, wrong = 0;

  rounds = wanted;
  check(uv_loop_init(&loop), "uv_loop_init");
  check(uv_sem_init(&pong, 0), "uv_sem_init");
  check(uv_timer_init(&loop, &ticker), "uv_timer_init");
  check(uv_timer_start(&ticker, on_tick, 1, 1), "uv_timer_start");
  check(uv_async_init(&loop, &ping, on_ping), "uv_async_init");
  check(uv_async_init(&loop, &over, on_over), "uv_async_init");
  check(uv_signal_init(&loop, &shared), "uv_signal_init");
  check(uv_signal_init(&loop, &alone), "uv_signal_init");
  check(uv_signal_start(&shared, on_shared, SIGUSR1), "uv_signal_start");
  check(uv_signal_start(&alone, on_alone, SIGUSR2), "uv_signal_start");
  unsafe += side_unsafe_handlers();
  await(&ready, 1, "the Go side");
  spawn(&children[0]);
  spawn(&children[1]);
  check(uv_thread_create(&pinger, ping_all, NULL), "uv_thread_create");
  check(uv_thread_create(&sender, send_signals, NULL), "uv_thread_create");

  check(uv_run(&loop, UV_RUN_DEFAULT), "uv_run");

  uv_thread_join(&pinger);
  uv_thread_join(&sender);
  uv_sem_destroy(&pong);
  check(uv_loop_close(&loop), "uv_loop_close");
  unsafe += side_unsafe_handlers();
  for (i = 0; i < KINDS; i++) {
    printf("together: C       %-9s %d of %d\n", kinds[i], counts[i], rounds);
    wrong += counts[i] != rounds;
  }
  for (i = 0; i < WATCHERS; i++) {
    printf("together: signals seen by %-12s %d of %d\n", watchers[i], seen[i], rounds);
    wrong += seen[i] != rounds;
  }
  printf("together: handlers without SA_ONSTACK: %d\n", unsafe);
  fflush(stdout);
  set(&finished);
  return wrong + (unsafe != 0);
}
