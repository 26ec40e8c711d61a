#ifndef BARE_H
#define BARE_H

#include "../c/bench.h"

/* bare.c */
void bare_listen(int tcp, const char *path);
int bare_try_write(uv_stream_t *stream, char *base, size_t len);
void bare_write_later(uv_stream_t *stream, const char *base, size_t len);
void bare_send_all(int tcp);
void bare_send(uv_write_t *req);
void bare_receive(void);
uv_stream_t *bare_init(int tcp);
void bare_close(uv_stream_t *stream);
void bare_watch(int watchers);
void bare_spawn(char *mib, char *ms);
void bare_run(void);
void bare_stop(void);

/* main.go */
void goOnRead(uv_stream_t *stream, ssize_t nread, char *base);
void goOnSent(uv_write_t *req, int status);
void goOnSignal(void);

#endif
