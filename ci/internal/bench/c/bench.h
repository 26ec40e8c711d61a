/* The C side of ci/bench: programs that do over libuv what those in ../subject
 * do over the binding, and the load for both. Each prints lines of the form
 * "name value unit". */

#ifndef BENCH_H
#define BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* Ends the program when a call of libuv failed. */
void must(int err, const char *what);

/* malloc that does not fail. */
void *must_alloc(size_t size);

void report(const char *name, double value, const char *unit);

/* What a batch cost, so many nanoseconds in all. The median of the batches is
 * what report_batches reports: others on the machine cost some of them dear. */
void add_batch(uint64_t ns, uint64_t events);
void report_batches(const char *name);

/* What hrtime will be in so many milliseconds. */
uint64_t in_ms(const char *ms);

void callback_main(char **args);
void echo_main(char **args);
void load_main(char **args);
void spawn_main(char **args);
void write2_send_main(char **args);
void write2_receive_main(char **args);
void signals_main(char **args);
void memory_main(char **args);
void flat_main(char **args);

#endif
