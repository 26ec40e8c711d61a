package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"libuv/uv"
)

// memory KIND COUNT: what so many handles, pipe or timer, take of the resident
// set, and how long it takes to make and to close them.
func memory(args []string) {
	if args[0] == "timer" {
		onTimer := func(*uv.Timer) {}
		measureMemory(number(args[1]), uv.HandleTypeTimer, func(t *uv.Timer) {
			must(t.Init(loop))
			must(t.Start(onTimer, 3600000, 0))
		}, (*uv.Timer).Close)
	} else {
		measureMemory(number(args[1]), uv.HandleTypeNamedPipe, func(p *uv.Pipe) { must(p.Init(loop, false)) }, (*uv.Pipe).Close)
	}
}

func measureMemory[T any](count int, kind uv.HandleType, start func(*T), end func(*T, uv.CloseCB)) {
	handles := make([]*T, count)
	for i := range handles {
		handles[i] = new(T) // so that the pages are there
	}
	clear(handles)
	before := resident()
	began := time.Now()
	for i := range handles {
		handles[i] = new(T)
		start(handles[i])
	}
	made := time.Since(began)
	after := resident()
	began = time.Now()
	for _, h := range handles {
		end(h, nil)
	}
	loop.Run(uv.RunDefault)
	closed := time.Since(began)
	runtime.KeepAlive(handles)
	report("memory", float64(after-before)/float64(count), "bytes")
	report("struct", float64(uv.HandleSize(kind)), "bytes")
	report("init", float64(made)/float64(count), "ns")
	report("close", float64(closed)/float64(count), "ns")
}

// resident returns what is resident, garbage aside.
func resident() int {
	for range 3 {
		debug.FreeOSMemory()
	}
	for line := range strings.Lines(string(get(os.ReadFile("/proc/self/smaps_rollup")))) {
		if fields := strings.Fields(line); fields[0] == "Rss:" {
			return number(fields[1]) * 1024
		}
	}
	panic("no Rss in smaps_rollup")
}
