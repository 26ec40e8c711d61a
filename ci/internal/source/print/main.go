// Print prints the folder that holds the source of a release of libuv.
package main

import (
	"fmt"
	"os"

	"libuv/ci/internal/source"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: print RELEASE")
		os.Exit(2)
	}
	dir, err := source.Dir(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(dir)
}
