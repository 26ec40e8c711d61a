// Shell-pipe runs a | b, as a shell does: two children joined by a pipe, b's
// output passed on as it comes, and how each of them ended. It is no program
// of libuv's guide, but what its chapter on processes leads to.
//
// Usage: shell-pipe [a [argument ...] -- b [argument ...]]
//
// Try it as it is: yes | head -n 3, where yes writes until SIGPIPE (13) ends
// it. Then shell-pipe ls / -- sort -r, and shell-pipe true -- sh -c 'sleep 2 &',
// which shows that an exit is not the end of the output.
package main

import (
	"fmt"
	"os"
	"slices"
	"syscall"

	"libuv/uv"
)

// side is one of the two programs.
type side struct {
	process uv.Process
	args    []string
	result  string
}

var (
	loop   *uv.Loop
	a, b   side
	output uv.Pipe // our end of b's stdout
)

// spawn starts a side. One that cannot be started is closed at once, and the
// other one runs all the same: it finds the pipe empty, or without a reader.
func (s *side) spawn(stdin, stdout uv.StdioContainer) bool {
	s.process.SetData(s)
	err := loop.Spawn(&s.process, &uv.ProcessOptions{
		File:   s.args[0],
		Args:   s.args,
		Stdio:  []uv.StdioContainer{stdin, stdout, {Flags: uv.InheritFD, FD: 2}},
		ExitCB: onExit,
	})
	if err != nil {
		s.result = "not started: " + err.Error()
		s.process.Close(nil)
	}
	return err == nil
}

func onExit(p *uv.Process, exitStatus int64, termSignal syscall.Signal) {
	p.Data().(*side).result = fmt.Sprintf("status %d, signal %d", exitStatus, termSignal)
	p.Close(nil)
}

func onRead(s uv.Stream, buf []byte, err error) {
	os.Stdout.Write(buf)
	if err != nil {
		if err != uv.EOF {
			fmt.Fprintln(os.Stderr, "Read error", err)
		}
		s.Close(nil)
	}
}

func run() int {
	a.args, b.args = []string{"yes"}, []string{"head", "-n", "3"}
	if args := os.Args[1:]; len(args) > 0 {
		i := slices.Index(args, "--")
		if i < 1 || i == len(args)-1 {
			fmt.Fprintln(os.Stderr, "usage: shell-pipe [a [argument ...] -- b [argument ...]]")
			return 2
		}
		a.args, b.args = args[:i], args[i+1:]
	}

	loop = uv.DefaultLoop()

	fds, err := uv.MakePipe(0, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := output.Init(loop, false); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	a.spawn(uv.StdioContainer{Flags: uv.InheritFD, FD: 0}, uv.StdioContainer{Flags: uv.InheritFD, FD: fds[1]})
	started := b.spawn(uv.StdioContainer{Flags: uv.InheritFD, FD: fds[0]}, uv.StdioContainer{Flags: uv.CreatePipe | uv.WritablePipe, Stream: &output})

	// The children have copies of the pipe's ends. With ours open, b would never
	// read an end of file, and a would never learn that b has gone.
	syscall.Close(fds[0])
	syscall.Close(fds[1])

	if started {
		err = output.ReadStart(nil, onRead)
	}
	if !started || err != nil {
		output.Close(nil)
	}

	// Two exits and the end of the output are awaited, and come in any order: a
	// grandchild may write on when b has exited, and b may close its output and
	// live on. Each closes its own handle, so the loop ends with the last.
	loop.Run(uv.RunDefault)

	fmt.Printf("%s: %s\n", a.args[0], a.result)
	fmt.Printf("%s: %s\n", b.args[0], b.result)
	return 0
}

func main() { os.Exit(run()) }
