// Spawn runs mkdir and reports how it ended. It is libuv's spawn/main.c in Go.
//
// Try it in a fresh folder, then again in the same one, where mkdir fails.
package main

import (
	"fmt"
	"os"
	"syscall"

	"libuv/uv"
)

var (
	loop     *uv.Loop
	childReq uv.Process
	options  uv.ProcessOptions
)

func onExit(req *uv.Process, exitStatus int64, termSignal syscall.Signal) {
	fmt.Fprintf(os.Stderr, "Process exited with status %d, signal %d\n", exitStatus, termSignal)
	req.Close(nil)
}

func run() int {
	loop = uv.DefaultLoop()

	options.ExitCB = onExit
	options.File = "mkdir"
	options.Args = []string{"mkdir", "test-dir"}

	if err := loop.Spawn(&childReq, &options); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintf(os.Stderr, "Launched process with ID %d\n", childReq.PID())

	if loop.Run(uv.RunDefault) {
		return 1
	}
	return 0
}

func main() { os.Exit(run()) }
