package main

import (
	"runtime"
	"syscall"
	"time"

	"libuv/uv"
)

// spawn MIB MS: processes a second, from spawn over exit to close, one at a time
// and 32, with so much memory in use.
func spawn(args []string) {
	heap := make([][]byte, number(args[0]))
	for i := range heap {
		heap[i] = make([]byte, 1<<20)
		for at := range heap[i] {
			heap[i][at] = 1
		}
	}
	report("sequential", spawnRate(1, args[1]), "processes/s")
	report("parallel", spawnRate(32, args[1]), "processes/s")
	runtime.KeepAlive(heap)
}

func spawnRate(chains int, ms string) float64 {
	const atLeast = 4
	processes := make([]uv.Process, chains)
	count, began, deadline := 0, time.Now(), inMS(ms)
	options := uv.ProcessOptions{File: "/bin/true"}
	var onClose func(h uv.Handle)
	options.ExitCB = func(p *uv.Process, exitStatus int64, termSignal syscall.Signal) {
		if exitStatus != 0 || termSignal != 0 {
			panic("/bin/true failed")
		}
		p.Close(onClose)
	}
	onClose = func(h uv.Handle) {
		if count++; time.Now().Before(deadline) || count < atLeast {
			must(loop.Spawn(h.(*uv.Process), &options))
		}
	}
	for i := range processes {
		must(loop.Spawn(&processes[i], &options))
	}
	loop.Run(uv.RunDefault)
	return float64(count) / time.Since(began).Seconds()
}
