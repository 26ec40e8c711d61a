// Package together is a Go program's half and a C program's half, each with
// libuv loops of its own, in one process: timers, children, asyncs and signals
// on both sides, os/exec and os/signal beside them. Each side must get all that
// is its own. See side.c for C's half; gomain and carchive are the two ways to
// link them.
package together

// #cgo pkg-config: libuv
// #cgo CFLAGS: -std=gnu11
// #include "side.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"libuv/uv"
)

// RunC runs C's loop until C's half and Go's have seen all signals.
func RunC(rounds int) error {
	if wrong := C.side_run(C.int(rounds)); wrong != 0 {
		return fmt.Errorf("%d of C's counts are wrong", wrong)
	}
	return nil
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// RunGo runs a loop of the binding, beside RunC or a side_run that C calls.
func RunGo(rounds int) error {
	var busy atomic.Bool
	var wg sync.WaitGroup
	busy.Store(true)
	for range 4 {
		wg.Go(func() {
			for n := 0; busy.Load(); n++ {
				recurse(n % 200)
				runtime.Gosched()
			}
		})
	}

	c := map[string]int{}
	var loop uv.Loop
	var ticker uv.Timer
	var watcher, forC, children uv.Signal
	var ping, over uv.Async
	check(loop.Init())

	check(ticker.Init(&loop))
	check(ticker.Start(func(t *uv.Timer) {
		if c["timers"]++; c["timers"] == rounds {
			t.Close(nil)
		}
	}, 1, 1))

	check(watcher.Init(&loop))
	check(watcher.Start(func(s *uv.Signal, _ syscall.Signal) {
		C.side_saw(C.SEEN_BY_BINDING)
		if c["signals"]++; c["signals"] == rounds {
			s.Close(nil)
		}
	}, syscall.SIGUSR1))

	// After the watcher has started: in a C program Go installs a handler of its
	// own with the first Notify, and must not do so over the binding's.
	notified := make(chan os.Signal, 16)
	signal.Notify(notified, syscall.SIGUSR1)
	go func() {
		for range notified {
			C.side_saw(C.SEEN_BY_NOTIFY)
		}
	}()

	// The binding owns the handlers: what C watches with libuv, and SIGCHLD for
	// the children that C spawns, needs a watcher here for as long.
	check(forC.Init(&loop))
	check(forC.Start(func(*uv.Signal, syscall.Signal) { c["signals for C"]++ }, syscall.SIGUSR2))
	check(children.Init(&loop))
	check(children.Start(func(*uv.Signal, syscall.Signal) {}, syscall.SIGCHLD))

	pong := make(chan struct{})
	check(ping.Init(&loop, func(a *uv.Async) {
		if c["asyncs"]++; c["asyncs"] == rounds {
			a.Close(nil)
		}
		pong <- struct{}{}
	}))
	wg.Go(func() {
		for range rounds {
			check(ping.Send())
			<-pong
		}
	})

	spawned := 0
	var spawn func(*uv.Process)
	spawn = func(p *uv.Process) {
		spawned++
		check(loop.Spawn(p, &uv.ProcessOptions{
			File: "sh",
			Args: []string{"sh", "-c", "exit 3"},
			ExitCB: func(p *uv.Process, status int64, termSignal syscall.Signal) {
				if status == 3 && termSignal == 0 {
					c["children"]++
				}
				p.Close(func(uv.Handle) {
					if spawned < rounds {
						spawn(p)
					}
				})
			},
		}))
	}
	spawn(new(uv.Process))
	spawn(new(uv.Process))

	execed := 0
	wg.Go(func() {
		for range rounds {
			var exit *exec.ExitError
			if errors.As(exec.Command("sh", "-c", "exit 5").Run(), &exit) && exit.ExitCode() == 5 {
				execed++
			}
		}
	})

	check(over.Init(&loop, func(a *uv.Async) {
		forC.Close(nil)
		children.Close(nil)
		a.Close(nil)
	}))
	C.side_ready()
	wg.Go(func() {
		C.side_wait()
		busy.Store(false)
		check(over.Send())
	})

	if loop.Run(uv.RunDefault) {
		return errors.New("the loop is alive")
	}
	wg.Wait()
	check(loop.Close())
	signal.Stop(notified)
	close(notified)
	c["os/exec"] = execed

	var wrong error
	for _, kind := range []string{"timers", "children", "asyncs", "signals", "signals for C", "os/exec"} {
		fmt.Printf("together: Go      %-13s %d of %d\n", kind, c[kind], rounds)
		if c[kind] != rounds {
			wrong = errors.New("counts of the binding's are wrong")
		}
	}
	if n := C.side_unsafe_handlers(); n != 0 {
		wrong = fmt.Errorf("%d handlers without SA_ONSTACK at the end", n)
	}
	return wrong
}

var garbage atomic.Pointer[[]byte]

// recurse grows the stack and leaves garbage.
func recurse(depth int) byte {
	var frame [512]byte
	if depth == 0 {
		b := make([]byte, 4096)
		garbage.Store(&b)
		return b[0]
	}
	frame[depth%len(frame)] = recurse(depth - 1)
	return frame[(depth+1)%len(frame)]
}
