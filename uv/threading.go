package uv

// #include "../uv.h"
import "C"

// Thread is a thread of the system's, made by libuv, that runs Go code. Most
// programs want a goroutine instead.
//
// Mirrors uv_thread_t.
type Thread struct {
	_     noCopy
	tid   C.uv_thread_t
	entry ThreadCB
	self  *Thread // while there is a thread to join
}

var noThread C.uv_thread_t

// ThreadCB is what a thread runs. It must return: runtime.Goexit ends the
// process there.
//
// Mirrors uv_thread_cb.
type ThreadCB func()

// threads roots the threads that have not begun to run.
var threads slots[Thread]

// Create starts a thread that runs entry. It returns EINVAL for a nil entry and
// EAGAIN where the system has no thread left. It panics for a Thread that
// runs and was not joined.
//
// Binds uv_thread_create. The closure is what C's arg is for.
func (t *Thread) Create(entry ThreadCB) error {
	if t.self != nil {
		panic("uv: Thread.Create: the thread is created already")
	}
	if entry == nil {
		return EINVAL
	}
	t.entry = entry
	id := threads.add(t)
	// The id is written while the thread may run already; neither looks at it.
	var tid C.uv_thread_t
	if r := C.gouv_thread_create(&tid, C.uintptr_t(id)); r != 0 {
		threads.remove(id)
		return result(r)
	}
	t.tid, t.self = tid, t
	return nil
}

// ThreadSelf returns the calling thread. A goroutine may run on another one a
// moment later, unless a [ThreadCB] is what it runs, or runtime.LockOSThread was
// called. It cannot be joined.
//
// Binds uv_thread_self.
func ThreadSelf() *Thread { return &Thread{tid: C.uv_thread_self()} }

// Equal reports whether both are the same thread. One that was not created, or
// was joined, equals none, and neither does nil.
//
// Binds uv_thread_equal.
func (t *Thread) Equal(other *Thread) bool {
	return t != nil && other != nil && t.tid != noThread && C.uv_thread_equal(&t.tid, &other.tid) != 0
}

// Join waits for the thread to end. It returns EINVAL for one that was not
// created, or was joined already. It panics for a copy. Only one goroutine may
// join a thread.
//
// Binds uv_thread_join.
func (t *Thread) Join() error {
	switch t.self {
	case t:
	case nil:
		return EINVAL
	default:
		panic("uv: Thread.Join: the thread is a copy; use a pointer to the original")
	}
	tid := t.tid
	r := C.uv_thread_join(&tid)
	if r == 0 {
		t.tid, t.self, t.entry = noThread, nil, nil
	}
	return result(r)
}
