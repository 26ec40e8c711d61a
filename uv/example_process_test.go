package uv_test

import (
	"fmt"
	"syscall"

	"libuv/uv"
)

func ExampleProcess() {
	var loop uv.Loop
	if err := loop.Init(); err != nil {
		panic(err)
	}
	var child uv.Process
	err := loop.Spawn(&child, &uv.ProcessOptions{
		File: "sh",
		Args: []string{"sh", "-c", "exit 3"},
		ExitCB: func(p *uv.Process, exitStatus int64, termSignal syscall.Signal) {
			fmt.Printf("exited with status %d, signal %d\n", exitStatus, termSignal)
			p.Close(nil)
		},
	})
	if err != nil {
		fmt.Println(err)
		child.Close(nil) // after an error too
	}
	loop.Run(uv.RunDefault)
	fmt.Println(loop.Close())
	// Output:
	// exited with status 3, signal 0
	// <nil>
}

// What a child writes is read through a pipe. That its output has ended and that
// it has exited are told apart, in any order.
func ExampleProcessOptions_stdio() {
	var loop uv.Loop
	if err := loop.Init(); err != nil {
		panic(err)
	}
	var stdout uv.Pipe
	if err := stdout.Init(&loop, false); err != nil {
		panic(err)
	}
	var child uv.Process
	if err := loop.Spawn(&child, &uv.ProcessOptions{
		File: "echo",
		Args: []string{"echo", "hello", "world"},
		Stdio: []uv.StdioContainer{
			{Flags: uv.Ignore},
			{Flags: uv.CreatePipe | uv.WritablePipe, Stream: &stdout},
			{Flags: uv.InheritFD, FD: 2},
		},
		ExitCB: func(p *uv.Process, _ int64, _ syscall.Signal) { p.Close(nil) },
	}); err != nil {
		panic(err)
	}
	var output []byte
	if err := stdout.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
		output = append(output, buf...) // buf is the loop's own
		if err != nil {                 // uv.EOF
			s.Close(nil)
		}
	}); err != nil {
		panic(err)
	}
	loop.Run(uv.RunDefault)
	fmt.Printf("%q\n", output)
	// Output: "hello world\n"
}
