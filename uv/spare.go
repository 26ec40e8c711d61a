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

// acquire returns a C struct and the id of a slot for a value, nil where there is
// no memory.
func acquire[T any](table *slots[T], kept *[]spare, size C.size_t, value *T) (c unsafe.Pointer, id uintptr) {
	if n := len(*kept); n > 0 {
		last := (*kept)[n-1]
		*kept = (*kept)[:n-1]
		return last.c, table.refill(last.id, value)
	}
	if c = C.calloc(1, size); c == nil {
		return nil, 0
	}
	return c, table.add(value)
}

// release takes back what acquire gave, and keeps it, unless there are many.
func release[T any](table *slots[T], kept *[]spare, c unsafe.Pointer, id uintptr) {
	if len(*kept) < maxSpares {
		table.empty(id)
		*kept = append(*kept, spare{c, id})
		return
	}
	table.remove(id)
	C.free(c)
}

// discard frees what release has kept, by kind.
func discard[T any](table *slots[T], kinds [][]spare) {
	for kind, kept := range kinds {
		for _, s := range kept {
			table.remove(s.id)
			C.free(s.c)
		}
		kinds[kind] = nil
	}
}
