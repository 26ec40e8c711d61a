// Tick counts ten seconds down on stdout, for cgi to run. It is libuv's
// cgi/tick.c in Go.
package main

import (
	"fmt"
	"time"
)

func main() {
	for range 10 {
		fmt.Println("tick")
		time.Sleep(time.Second)
	}
	fmt.Println("BOOM!")
}
