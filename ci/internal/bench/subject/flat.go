package main

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"libuv/uv"
)

// flat KIND COUNT MS PATH: what an event costs in a loop of COUNT handles, pipe or
// timer. There is one event at a time, and each is another handle's: the pipe
// that is called writes to the next one, the timer that is due starts itself for
// later and the next one for now. The pipes are FIFOs, made at PATH, which have
// both ends in one descriptor.
func flat(args []string) {
	const batch, later = 500, 3600000
	const stride = 7919 // a prime, so that neighbours are not called one after the other
	count := number(args[1])
	events, limit, at := 0, 0, 0
	before := func() {}
	if args[0] == "pipe" {
		pipes, fds := make([]uv.Pipe, count), make([]int, count)
		x := []byte("x")
		push := func() {
			at = (at + stride) % count
			// Raw, as nothing but the binding shall differ from C.
			n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fds[at]), uintptr(unsafe.Pointer(&x[0])), 1)
			if n != 1 {
				panic(fmt.Sprint("write: ", errno))
			}
		}
		onRead := func(s uv.Stream, buf []byte, err error) {
			must(err)
			if len(buf) == 0 {
				return
			}
			if events++; events == limit {
				loop.Stop()
			}
			push()
		}
		for i := range pipes {
			must(syscall.Mkfifo(args[3], 0o600))
			fds[i] = get(syscall.Open(args[3], syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0))
			must(syscall.Unlink(args[3]))
			must(pipes[i].Init(loop, false))
			must(pipes[i].Open(fds[i]))
			must(pipes[i].ReadStart(nil, onRead))
		}
		push()
	} else {
		timers := make([]uv.Timer, count)
		var onTimer func(t *uv.Timer)
		onTimer = func(t *uv.Timer) {
			t.Start(onTimer, later, 0)
			if events++; events == limit {
				loop.Stop()
				return
			}
			at = (at + stride) % count
			timers[at].Start(onTimer, 0, 0)
		}
		for i := range timers {
			must(timers[i].Init(loop))
			must(timers[i].Start(onTimer, later, 0))
		}
		before = func() { timers[at].Start(onTimer, 0, 0) }
	}
	costs := newBatches()
	var deadline time.Time
	for len(costs) == 0 || time.Now().Before(deadline) {
		first := events
		limit = events + batch
		if first == 0 {
			limit = max(batch, count) // every handle has its first event
		}
		before()
		began := time.Now()
		loop.Run(uv.RunDefault)
		if first == 0 {
			deadline = inMS(args[2]) // now that every handle has had its first event
		} else {
			costs.add(time.Since(began), events-first)
		}
	}
	costs.report("event")
}
