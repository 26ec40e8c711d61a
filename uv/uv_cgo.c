#include "../uv_cgo.c"
