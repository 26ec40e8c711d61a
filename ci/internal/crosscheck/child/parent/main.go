// Parent changes what children inherit and spawns a probe. It is the twin of
// ../parent.c.
//
//	parent PROBE plain|given|limit
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"libuv/uv"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	probe, mode := os.Args[1], os.Args[2]
	loop := uv.DefaultLoop()

	check(os.Setenv("PARENT_SET", "by the parent"))
	check(os.Unsetenv("PARENT_UNSET"))
	check(os.Mkdir("sub", 0o777))
	check(os.Chdir("sub"))
	syscall.Umask(0o027)
	var limit syscall.Rlimit
	check(syscall.Getrlimit(syscall.RLIMIT_CORE, &limit))
	limit.Cur = 0
	check(syscall.Setrlimit(syscall.RLIMIT_CORE, &limit))
	if mode == "limit" {
		check(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
		limit.Cur = 500
		check(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	}
	signal.Ignore(syscall.SIGUSR1)
	var watcher uv.Signal
	check(watcher.Init(loop))
	check(watcher.Start(func(*uv.Signal, syscall.Signal) {}, syscall.SIGUSR2))
	watcher.Unref()
	fd, err := syscall.Open("/dev/null", syscall.O_RDWR, 0) // for everybody
	check(err)
	check(syscall.Dup3(fd, 50, 0))
	check(syscall.Close(fd))
	fd, err = syscall.Open("/dev/zero", syscall.O_RDONLY|syscall.O_CLOEXEC, 0) // for nobody
	check(err)

	options := uv.ProcessOptions{
		File: probe,
		Args: []string{probe, "an argument", "", "another"},
		ExitCB: func(p *uv.Process, exitStatus int64, termSignal syscall.Signal) {
			fmt.Printf("the probe exited with %d, %d\n", exitStatus, termSignal)
			p.Close(nil)
		},
		Stdio: []uv.StdioContainer{{Flags: uv.Ignore}, {Flags: uv.InheritFD, FD: 1}, {Flags: uv.InheritFD, FD: 2}},
	}
	if mode == "given" {
		options.Flags = uv.ProcessDetached
		options.Env = []string{"GIVEN=1", "EMPTY=", "GIVEN=2"}
		options.Cwd = ".."
		options.Stdio = append(options.Stdio, uv.StdioContainer{Flags: uv.Ignore}, uv.StdioContainer{Flags: uv.InheritFD, FD: fd})
	}
	var process uv.Process
	if err := loop.Spawn(&process, &options); err != nil {
		fmt.Println("uv_spawn:", err)
		os.Exit(1)
	}
	loop.Run(uv.RunDefault)
}
