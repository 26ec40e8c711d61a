// Gomain is a Go program that has C code with libuv loops of its own.
package main

import (
	"flag"
	"fmt"
	"os"

	"libuv/ci/internal/together"
)

func main() {
	rounds := flag.Int("rounds", 300, "how many events of each kind")
	flag.Parse()

	failed := make(chan error)
	go func() { failed <- together.RunC(*rounds) }()
	err := together.RunGo(*rounds)
	for _, err := range []error{err, <-failed} {
		if err != nil {
			fmt.Fprintln(os.Stderr, "gomain:", err)
			defer os.Exit(1)
		}
	}
}
