package uv

import (
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
)

// Slots maps the integers that libuv carries in a handle's or a request's data
// to their Go values, and by that keeps the values alive. A look-up takes no
// lock. An id is a slot's index and, above it, the slot's generation, so that
// the id of a slot which was freed since is noticed; no id is 0.
type slots[T any] struct {
	mu     sync.Mutex
	chunks atomic.Pointer[[]*chunk[T]]
	free   []uint32
	next   uint32
}

type slot[T any] struct {
	value      *T
	generation uint32
}

const (
	// 32 KiB on 64-bit systems: what is smaller has a header, and room left over.
	chunkSize = 2048

	indexBits = bits.UintSize/2 + 4*(1-bits.UintSize/64) // 32 of 64, 20 of 32
	indexMask = 1<<indexBits - 1
)

type chunk[T any] [chunkSize]slot[T]

func (s *slots[T]) add(value *T) uintptr {
	s.mu.Lock()
	defer s.mu.Unlock()
	var index uint32
	if n := len(s.free); n > 0 {
		index = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		if index = s.next; index > indexMask {
			panic("uv: there are too many handles or requests")
		}
		s.next++
		if index%chunkSize == 0 {
			s.grow()
		}
	}
	return s.put(index, value)
}

// put gives a slot a value, and returns the id that holds for it.
func (s *slots[T]) put(index uint32, value *T) uintptr {
	at := s.at(index)
	at.generation++
	if uintptr(at.generation)<<indexBits>>indexBits == 0 { // wrapped around
		at.generation = 1
	}
	at.value = value
	return uintptr(at.generation)<<indexBits | uintptr(index)
}

// empty takes the value out of a slot, which stays the caller's until remove:
// refill gives it another one. Neither takes a lock.
func (s *slots[T]) empty(id uintptr) { s.at(uint32(id & indexMask)).value = nil }

func (s *slots[T]) refill(id uintptr, value *T) uintptr { return s.put(uint32(id&indexMask), value) }

func (s *slots[T]) grow() {
	var old []*chunk[T]
	if p := s.chunks.Load(); p != nil {
		old = *p
	}
	chunks := append(old[:len(old):len(old)], new(chunk[T]))
	s.chunks.Store(&chunks)
}

func (s *slots[T]) at(index uint32) *slot[T] {
	return &(*s.chunks.Load())[index/chunkSize][index%chunkSize]
}

// get returns the value of an id that libuv gave back.
func (s *slots[T]) get(id uintptr) *T {
	at := s.at(uint32(id & indexMask))
	if uintptr(at.generation) != id>>indexBits || at.value == nil {
		panic(fmt.Sprintf("uv: libuv called back with a stale id %#x", id))
	}
	return at.value
}

// holds reports whether id is in use, for this very value.
func (s *slots[T]) holds(id uintptr, value *T) bool {
	if id == 0 {
		return false
	}
	at := s.at(uint32(id & indexMask))
	return at.value == value && uintptr(at.generation) == id>>indexBits
}

func (s *slots[T]) remove(id uintptr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	index := uint32(id & indexMask)
	s.at(index).value = nil
	s.free = append(s.free, index)
}
