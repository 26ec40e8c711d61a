// Subject is the Go side of ci/bench: programs that do over the binding what
// those in ../c do over libuv. Each prints lines of the form "name value unit".
package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"libuv/uv"
)

var programs = map[string]struct {
	args int
	run  func(args []string)
}{
	"callback":       {2, callback},
	"echo":           {3, echo},
	"spawn":          {2, spawn},
	"write2-send":    {2, write2Send},
	"write2-receive": {1, write2Receive},
	"signals":        {2, signals},
	"memory":         {2, memory},
	"flat":           {4, flat},
}

var loop *uv.Loop

func main() {
	if len(os.Args) < 2 || programs[os.Args[1]].args != len(os.Args)-2 {
		fmt.Fprintln(os.Stderr, "no such program, or not with so many arguments")
		os.Exit(2)
	}
	loop = uv.DefaultLoop()
	programs[os.Args[1]].run(os.Args[2:])
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func get[T any](value T, err error) T {
	must(err)
	return value
}

func report(name string, value float64, unit string) { fmt.Println(name, value, unit) }

// batches are what an event cost in each batch. The median is what is reported:
// others on the machine cost some of them dear.
type batches []float64

func (b *batches) add(spent time.Duration, events int) {
	if events > 0 && len(*b) < cap(*b) {
		*b = append(*b, float64(spent)/float64(events))
	}
}

func (b batches) report(name string) {
	if len(b) == 0 {
		panic("no batch was done")
	}
	slices.Sort(b)
	report(name, b[len(b)/2], "ns")
}

// newBatches makes room for them, so that none need be made while it counts.
func newBatches() batches { return make(batches, 0, 1<<20) }

func number(arg string) int { return get(strconv.Atoi(arg)) }

// inMS is when so many milliseconds are over.
func inMS(arg string) time.Time { return time.Now().Add(time.Duration(number(arg)) * time.Millisecond) }
