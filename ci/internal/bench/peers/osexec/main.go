// Osexec is ci/bench's measure of os/exec: processes a second, one at a time and
// 32, with so much memory in use. Its arguments are mebibytes and milliseconds.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	mib, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	heap := make([][]byte, mib)
	for i := range heap {
		heap[i] = make([]byte, 1<<20)
		for at := range heap[i] {
			heap[i][at] = 1
		}
	}
	fmt.Println("sequential", rate(1), "processes/s")
	fmt.Println("parallel", rate(32), "processes/s")
	runtime.KeepAlive(heap)
}

func rate(chains int) float64 {
	const atLeast = 4
	ms, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	began := time.Now()
	deadline := began.Add(time.Duration(ms) * time.Millisecond)
	var count atomic.Int64
	var wait sync.WaitGroup
	for range chains {
		wait.Go(func() {
			for first := true; first || time.Now().Before(deadline) || count.Load() < atLeast; first = false {
				if err := exec.Command("/bin/true").Run(); err != nil {
					panic(err)
				}
				count.Add(1)
			}
		})
	}
	wait.Wait()
	return float64(count.Load()) / time.Since(began).Seconds()
}
