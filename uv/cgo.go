package uv

// The C half lives one folder up, so that <uv.h> finds libuv's header and not
// ours; the blank import makes an edit of it rebuild this package.

// #cgo CFLAGS: -std=gnu11
// #include "../uv.h"
import "C"

import (
	"strings"
	"unsafe"

	_ "libuv"
)

// result turns what libuv returned into an error, nil for 0 and above.
func result(r C.int) error {
	if r >= 0 {
		return nil
	}
	return Errno(r).boxed()
}

// fits reports whether C's int can hold n. What it cannot hold would become
// another number there, 0 perhaps.
func fits(n int) bool { return int(int32(n)) == n }

// hasNUL reports whether C would see less of s than there is.
func hasNUL(s ...string) bool {
	for _, s := range s {
		if strings.IndexByte(s, 0) >= 0 {
			return true
		}
	}
	return false
}

// readString calls get with ever larger buffers until what libuv wants to say
// fits. Size goes in as the buffer's and comes out as the string's length.
func readString(get func(buf *C.char, size *C.size_t) C.int) (string, error) {
	for n := C.size_t(256); ; n *= 2 {
		buf := make([]byte, n)
		size := n
		r := get((*C.char)(unsafe.Pointer(&buf[0])), &size)
		if r == C.UV_ENOBUFS {
			continue
		}
		if err := result(r); err != nil {
			return "", err
		}
		return string(buf[:size]), nil
	}
}
