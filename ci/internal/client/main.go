// Client talks to the servers among the examples, for ci/demo, which cannot
// count on nc or socat.
//
// Usage: client network address [text]
//
//	client -free socket
//
// It connects as soon as somebody listens. With a text it sends that and prints
// as much as comes back; without, it prints what comes until the server hangs
// up. With -free it removes a socket that nobody listens on any more.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"libuv/ci/internal/unixsocket"
)

func main() {
	if len(os.Args) != 3 && len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: client network address [text]\n       client -free socket")
		os.Exit(2)
	}
	var err error
	if os.Args[1] == "-free" {
		err = unixsocket.Free(os.Args[2])
	} else {
		err = talk(os.Args[1], os.Args[2], os.Args[3:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func talk(network, address string, texts []string) error {
	conn, err := net.Dial(network, address)
	for deadline := time.Now().Add(10 * time.Second); err != nil; conn, err = net.Dial(network, address) {
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	if len(texts) == 0 {
		_, err = io.Copy(os.Stdout, conn)
		return err
	}
	if _, err := io.WriteString(conn, texts[0]); err != nil {
		return err
	}
	answer := make([]byte, len(texts[0]))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	_, err = fmt.Printf("%s\n", answer)
	return err
}
