// Proc-streams runs the program test, which writes to both its outputs, and
// lets one of them through. It is libuv's proc-streams/main.c in Go.
//
// Build it with test beside it and try it with 2>/dev/null and without: the
// child's stderr is the parent's, its stdout goes nowhere.
package main

import (
	"fmt"
	"os"
	"strings"
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

	path, _ := uv.Exepath()
	path = strings.TrimSuffix(path, "proc-streams") + "test"

	args := []string{path}

	childStdio := make([]uv.StdioContainer, 3)
	childStdio[0].Flags = uv.Ignore
	childStdio[1].Flags = uv.Ignore
	childStdio[2].Flags = uv.InheritFD
	childStdio[2].FD = 2
	options.Stdio = childStdio

	options.ExitCB = onExit
	options.File = args[0]
	options.Args = args

	if err := loop.Spawn(&childReq, &options); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	if loop.Run(uv.RunDefault) {
		return 1
	}
	return 0
}

func main() { os.Exit(run()) }
