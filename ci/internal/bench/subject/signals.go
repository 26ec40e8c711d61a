package main

import (
	"os"
	"syscall"
	"time"

	"libuv/uv"
)

// signals WATCHERS MS: sends itself SIGUSR1, waits until all watchers have been
// called, and again.
func signals(args []string) {
	watchers := make([]uv.Signal, number(args[0]))
	called, sent, pid := 0, 0, os.Getpid()
	began, deadline := time.Now(), inMS(args[1])
	onSignal := func(s *uv.Signal, signum syscall.Signal) {
		if called++; called%len(watchers) != 0 {
			return
		}
		sent++
		if time.Now().Before(deadline) {
			must(uv.Kill(pid, signum))
		} else {
			loop.Stop()
		}
	}
	for i := range watchers {
		must(watchers[i].Init(loop))
		must(watchers[i].Start(onSignal, syscall.SIGUSR1))
	}
	must(uv.Kill(pid, syscall.SIGUSR1))
	loop.Run(uv.RunDefault)
	report("signals", float64(sent)/time.Since(began).Seconds(), "signals/s")
}
