// Carchive is what host/main.c is linked with: the binding, for a C program.
package main

import "C"

import (
	"fmt"
	"os"
	"syscall"

	"libuv/ci/internal/together"
	"libuv/uv"
)

//export runGo
func runGo(rounds C.int) C.int {
	if err := together.RunGo(int(rounds)); err != nil {
		fmt.Fprintln(os.Stderr, "carchive:", err)
		return 1
	}
	return 0
}

// watchGo watches a signal, sends it so many times, and returns how many came.
//
//export watchGo
func watchGo(signum, times C.int) C.int {
	var loop uv.Loop
	var s uv.Signal
	watched := C.int(0)
	must(loop.Init())
	must(s.Init(&loop))
	must(s.Start(func(*uv.Signal, syscall.Signal) { watched++ }, syscall.Signal(signum)))
	for i := range times {
		must(uv.Kill(os.Getpid(), syscall.Signal(signum)))
		for watched == i {
			loop.Run(uv.RunOnce)
		}
	}
	s.Close(nil)
	loop.Run(uv.RunDefault)
	must(loop.Close())
	return watched
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {}
