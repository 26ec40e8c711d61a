/* What the Go program shares with the C programs. */

#include "../c/bench.c"
#include "../c/spawn.c"
