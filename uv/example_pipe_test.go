package uv_test

import (
	"fmt"
	"os"
	"path/filepath"

	"libuv/uv"
)

// A server that echoes, and its client, in one loop.
func ExamplePipe() {
	dir, err := os.MkdirTemp("", "uv")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "echo.sock")
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var loop uv.Loop
	must(loop.Init())

	var server uv.Pipe
	must(server.Init(&loop, false))
	must(server.Bind(name))
	must(server.Listen(128, func(s uv.Stream, err error) {
		must(err)
		conn := new(uv.Pipe)
		must(conn.Init(&loop, false))
		must(s.Accept(conn))
		must(conn.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
			if err != nil { // uv.EOF
				conn.Close(nil)
				return
			}
			answer := append([]byte(nil), buf...) // buf is the loop's own
			must(conn.Write(nil, [][]byte{answer}, nil))
		}))
		s.Close(nil) // one client is enough
	}))

	var client uv.Pipe
	must(client.Init(&loop, false))
	must(client.Connect(nil, name, func(_ *uv.ConnectReq, err error) {
		must(err)
		must(client.Write(nil, [][]byte{[]byte("hello "), []byte("world")}, nil))
		must(client.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
			fmt.Printf("%s\n", buf)
			client.Close(nil)
		}))
	}))
	loop.Run(uv.RunDefault)
	// Output: hello world
}
