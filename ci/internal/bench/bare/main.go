// Bare is the least that a Go program over libuv can do: each of libuv's
// callbacks is a call into Go, what the program does in it are calls into C, and
// all else is C's. There are no Go values for handles, no checks, and nothing
// looks after panics, signals or the collector. It shows what cgo alone costs.
package main

// #cgo pkg-config: libuv
// #include <signal.h>
// #include "bare.h"
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
	"unsafe"
)

func main() {
	runtime.LockOSThread()
	switch args := os.Args[1:]; args[0] {
	case "echo": // STYLE TRANSPORT PATH
		onRead = echo
		C.bare_listen(flag(args[2] == "tcp"), C.CString(args[3]))
		C.bare_run()
	case "write2-send": // KIND MS
		deadline = inMS(args[2])
		C.bare_send_all(flag(args[1] == "tcp"))
		C.bare_run()
	case "write2-receive": // KIND
		tcp = flag(args[1] == "tcp")
		onRead = receive
		C.bare_receive()
		C.bare_run()
		fmt.Println("received", float64(received-1)/last.Sub(first).Seconds(), "handles/s")
	case "spawn": // MIB MS
		C.bare_spawn(C.CString(args[1]), C.CString(args[2]))
	case "signals": // WATCHERS MS
		watchers = number(args[1])
		C.bare_watch(C.int(watchers))
		began := time.Now()
		deadline = inMS(args[2])
		C.uv_kill(pid, C.SIGUSR1)
		C.bare_run()
		fmt.Println("signals", float64(called/watchers)/time.Since(began).Seconds(), "signals/s")
	}
}

func number(arg string) int {
	n, err := strconv.Atoi(arg)
	if err != nil {
		panic(err)
	}
	return n
}

func inMS(arg string) time.Time { return time.Now().Add(time.Duration(number(arg)) * time.Millisecond) }

func flag(set bool) C.int {
	if set {
		return 1
	}
	return 0
}

var onRead func(stream *C.uv_stream_t, nread C.ssize_t, base *C.char)

//export goOnRead
func goOnRead(stream *C.uv_stream_t, nread C.ssize_t, base *C.char) {
	onRead(stream, nread, base)
	yield()
}

var (
	loop    = C.uv_default_loop()
	yielded C.uint64_t
)

// yield lets Go's scheduler see that the goroutine is not stuck, as the binding
// does: without, it takes the goroutine's processor away each time that the loop
// waits.
func yield() {
	if now := loop.time; now-yielded >= 8 {
		yielded = now
		runtime.Gosched()
	}
}

func echo(stream *C.uv_stream_t, nread C.ssize_t, base *C.char) {
	if nread < 0 {
		C.bare_close(stream)
	}
	if nread <= 0 {
		return
	}
	written := max(0, C.bare_try_write(stream, base, C.size_t(nread)))
	if rest := nread - C.ssize_t(written); rest > 0 {
		C.bare_write_later(stream, (*C.char)(unsafe.Add(unsafe.Pointer(base), written)), C.size_t(rest))
	}
}

//export goOnSent
func goOnSent(req *C.uv_write_t, status C.int) {
	if status != 0 {
		panic("uv_write2")
	}
	if time.Now().Before(deadline) {
		C.bare_send(req)
	}
	yield()
}

var (
	tcp         C.int
	received    int
	first, last time.Time
)

func receive(stream *C.uv_stream_t, nread C.ssize_t, base *C.char) {
	if nread < 0 {
		C.uv_close((*C.uv_handle_t)(unsafe.Pointer(stream)), nil)
		return
	}
	for C.uv_pipe_pending_count((*C.uv_pipe_t)(unsafe.Pointer(stream))) > 0 {
		handle := C.bare_init(tcp)
		if C.uv_accept(stream, handle) != 0 {
			panic("uv_accept")
		}
		C.bare_close(handle)
		last = time.Now()
		if received++; received == 1 {
			first = last
		}
	}
}

var (
	watchers, called int
	deadline         time.Time
	pid              = C.int(os.Getpid())
)

//export goOnSignal
func goOnSignal() {
	if called++; called%watchers != 0 {
		return
	}
	if time.Now().Before(deadline) {
		C.uv_kill(pid, C.SIGUSR1)
	} else {
		C.bare_stop()
	}
	yield()
}
