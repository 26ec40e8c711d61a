// Detach leaves a sleep running behind it and ends at once. It is libuv's
// detach/main.c in Go.
//
// Try it, then look at the PID it prints with ps -o pid,ppid,sid,args: the
// sleep runs on in a session of its own.
package main

import (
	"fmt"
	"os"

	"libuv/uv"
)

var (
	loop     *uv.Loop
	childReq uv.Process
	options  uv.ProcessOptions
)

func run() int {
	loop = uv.DefaultLoop()

	args := []string{"sleep", "100"}

	options.ExitCB = nil
	options.File = "sleep"
	options.Args = args
	options.Flags = uv.ProcessDetached

	if err := loop.Spawn(&childReq, &options); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintf(os.Stderr, "Launched sleep with PID %d\n", childReq.PID())
	childReq.Unref() // without this the loop would wait for the sleep

	if loop.Run(uv.RunDefault) {
		return 1
	}
	return 0
}

func main() { os.Exit(run()) }
