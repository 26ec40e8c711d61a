// Gonet is ci/bench's echo server over Go's net: a goroutine for each
// connection. Its arguments are the transport, unix or tcp, and the path.
package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	address := os.Args[2]
	if os.Args[1] == "tcp" {
		address = "127.0.0.1:0"
	}
	server, err := net.Listen(os.Args[1], address)
	if err != nil {
		panic(err)
	}
	if addr, ok := server.Addr().(*net.TCPAddr); ok {
		address = fmt.Sprint(addr.Port)
	}
	fmt.Println("ready", address)
	for {
		client, err := server.Accept()
		if err != nil {
			panic(err)
		}
		go serve(client)
	}
}

func serve(client net.Conn) {
	defer client.Close()
	buf := make([]byte, 64*1024)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}
