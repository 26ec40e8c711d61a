// Test writes a line to each of its outputs, for proc-streams to run. It is
// libuv's proc-streams/test.c in Go.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "This is stderr")
	fmt.Println("This is stdout")
}
