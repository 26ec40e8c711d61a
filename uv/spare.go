package uv

// #include <stdlib.h>
import "C"

import "unsafe"

// spare is a C struct that is done with, and its slot, for the next handle or
// request of the same kind in the loop: neither C's allocator nor a lock is
// needed then.
type spare struct {
	c  unsafe.Pointer
	id uintptr
}

type spares []spare

// keep keeps a struct, unless there are many.
func (s *spares) keep(c unsafe.Pointer, id uintptr) bool {
	if len(*s) >= maxSpares {
		return false
	}
	*s = append(*s, spare{c, id})
	return true
}

func (s *spares) take() (spare, bool) {
	n := len(*s)
	if n == 0 {
		return spare{}, false
	}
	last := (*s)[n-1]
	*s = (*s)[:n-1]
	return last, true
}

// freeSpares frees what the loop has kept.
func (l *Loop) freeSpares() {
	for kind := range l.spareHandles {
		for _, spare := range l.spareHandles[kind] {
			handles.remove(spare.id)
			C.free(spare.c)
		}
		l.spareHandles[kind] = nil
	}
	for kind := range l.spareReqs {
		for _, spare := range l.spareReqs[kind] {
			requests.remove(spare.id)
			C.free(spare.c)
		}
		l.spareReqs[kind] = nil
	}
}
