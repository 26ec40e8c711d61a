/* What C does with libuv of its own, beside a program's Go half. */

#ifndef TOGETHER_SIDE_H
#define TOGETHER_SIDE_H

/* Whom a SIGUSR1 must reach: a watcher of C's, one of the binding's, and a
 * channel of os/signal's. SIGUSR2 is for C alone. */
enum { SEEN_BY_C, SEEN_BY_BINDING, SEEN_BY_NOTIFY, SEEN_ALONE, WATCHERS };

/* Runs a loop of C's on the calling thread, until it and side_ready's caller
 * have seen all signals. Each kind of event happens so many times. Returns how
 * many of C's counts are wrong, and says which. */
int side_run(int rounds);

void side_ready(void);     /* the other side watches SIGUSR1 from now on */
void side_saw(int who);    /* a SIGUSR1 has reached this one */
void side_wait(void);      /* until side_run is about to return */
int side_unsafe_handlers(void); /* how many handlers lack SA_ONSTACK, now */

#endif
