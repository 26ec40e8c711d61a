// Multi-echo-server accepts connections and hands them to worker processes in
// turn, as many as there are processors. It is libuv's multi-echo-server/main.c
// in Go.
//
// Build it with worker beside it, start it and try nc localhost 7000 a few
// times: each connection says which worker took it, and what you type comes
// back from there. End the server and the workers follow.
package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"libuv/uv"
)

var loop *uv.Loop

type childWorker struct {
	req     uv.Process
	options uv.ProcessOptions
	pipe    uv.Pipe
}

var workers []childWorker

var (
	roundRobinCounter int
	childWorkerCount  int
)

var (
	dummyBuf   []byte
	workerPath string
)

func closeProcessHandle(req *uv.Process, exitStatus int64, termSignal syscall.Signal) {
	fmt.Fprintf(os.Stderr, "Process exited with status %d, signal %d\n", exitStatus, termSignal)
	req.Close(nil)
	// As in C the worker stays in its turn. A server that lives on takes it out
	// and closes its pipe, or starts another in its place.
}

func onNewConnection(server uv.Stream, err error) {
	if err != nil {
		return
	}

	client := new(uv.TCP)
	client.Init(loop)
	if server.Accept(client) == nil {
		writeReq := new(uv.WriteReq)
		dummyBuf = []byte("a")
		worker := &workers[roundRobinCounter]
		// As in C nobody hears how this went. When the worker is dead, a C
		// server dies here of SIGPIPE and a Go one loses the connection. The
		// client is never closed either: each connection costs a descriptor,
		// and a client that waits for our EOF waits in vain. A server that
		// lives on passes a callback here, closes client in it, and gives the
		// connection to another worker on an error.
		worker.pipe.Write2(writeReq, [][]byte{dummyBuf}, client, nil)
		roundRobinCounter = (roundRobinCounter + 1) % childWorkerCount
	} else {
		client.Close(nil)
	}
}

func setupWorkers() {
	workerPath, _ = uv.Exepath()
	workerPath = strings.TrimSuffix(workerPath, "multi-echo-server") + "worker"
	fmt.Fprintf(os.Stderr, "Worker path: %s\n", workerPath)

	args := []string{workerPath}

	roundRobinCounter = 0

	info, _ := uv.CPUInfo()
	cpuCount := len(info)

	childWorkerCount = cpuCount

	workers = make([]childWorker, cpuCount)
	for cpuCount--; cpuCount >= 0; cpuCount-- {
		worker := &workers[cpuCount]
		worker.pipe.Init(loop, true)

		childStdio := make([]uv.StdioContainer, 3)
		childStdio[0].Flags = uv.CreatePipe | uv.ReadablePipe
		childStdio[0].Stream = &worker.pipe
		childStdio[1].Flags = uv.Ignore
		childStdio[2].Flags = uv.InheritFD
		childStdio[2].FD = 2

		worker.options.Stdio = childStdio

		worker.options.ExitCB = closeProcessHandle
		worker.options.File = args[0]
		worker.options.Args = args

		loop.Spawn(&worker.req, &worker.options)
		fmt.Fprintf(os.Stderr, "Started worker %d\n", worker.req.PID())
	}
}

func run() int {
	loop = uv.DefaultLoop()

	setupWorkers()

	var server uv.TCP
	server.Init(loop)

	bindAddr, _ := uv.IP4Addr("0.0.0.0", 7000)
	server.Bind(bindAddr, 0)
	if err := server.Listen(128, onNewConnection); err != nil {
		fmt.Fprintf(os.Stderr, "Listen error %s\n", err.(uv.Errno).Name())
		return 2
	}
	if loop.Run(uv.RunDefault) {
		return 1
	}
	return 0
}

func main() { os.Exit(run()) }
