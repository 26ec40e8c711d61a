// Carchive is what host/main.c is linked with: the binding, for a C program.
package main

import "C"

import (
	"fmt"
	"os"

	"libuv/ci/internal/together"
)

//export runGo
func runGo(rounds C.int) C.int {
	if err := together.RunGo(int(rounds)); err != nil {
		fmt.Fprintln(os.Stderr, "carchive:", err)
		return 1
	}
	return 0
}

func main() {}
