// Signal watches SIGUSR1 four times: twice in one loop, and once in each of two
// loops of another thread. It is libuv's signal/main.c in Go.
//
// Try kill -USR1 with the PID it prints: one signal, four lines. The second
// thread polls, so one processor is busy until then.
//
// Two things differ, and both are Go's. Lines appear at once, where C keeps
// them in a buffer unless it writes to a terminal. And a signal that nobody
// watches, such as SIGUSR2 here, kills a C program, while Go's runtime catches
// it and does nothing.
package main

import (
	"fmt"
	"os"
	"syscall"

	"libuv/uv"
)

func createLoop() *uv.Loop {
	loop := new(uv.Loop)
	loop.Init()
	return loop
}

func signalHandler(handle *uv.Signal, signum syscall.Signal) {
	fmt.Printf("Signal received: %d\n", signum)
	handle.Stop()
}

// thread1Worker has two watchers in one loop, which sleeps in between.
func thread1Worker() {
	loop1 := createLoop()

	var sig1a, sig1b uv.Signal
	sig1a.Init(loop1)
	sig1a.Start(signalHandler, syscall.SIGUSR1)

	sig1b.Init(loop1)
	sig1b.Start(signalHandler, syscall.SIGUSR1)

	loop1.Run(uv.RunDefault)
}

// thread2Worker has a watcher in each of two loops. As in C it polls the first
// until that has nothing left to do, and only then the second.
func thread2Worker() {
	loop2 := createLoop()
	loop3 := createLoop()

	var sig2 uv.Signal
	sig2.Init(loop2)
	sig2.Start(signalHandler, syscall.SIGUSR1)

	var sig3 uv.Signal
	sig3.Init(loop3)
	sig3.Start(signalHandler, syscall.SIGUSR1)

	for loop2.Run(uv.RunNowait) || loop3.Run(uv.RunNowait) {
	}
}

func main() {
	fmt.Printf("PID %d\n", os.Getpid())

	var thread1, thread2 uv.Thread

	thread1.Create(thread1Worker)
	thread2.Create(thread2Worker)

	thread1.Join()
	thread2.Join()
}
