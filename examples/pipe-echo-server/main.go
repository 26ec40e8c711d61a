// Pipe-echo-server sends back what its clients send, over a Unix domain socket.
// It is libuv's pipe-echo-server/main.c in Go.
//
// Start it, try socat - /tmp/echo.sock, and end it with Ctrl-C, which removes
// the socket. Killed in any other way it leaves the socket behind, and cannot
// start again before that is removed.
package main

import (
	"fmt"
	"os"
	"syscall"

	"libuv/uv"
)

const pipename = "/tmp/echo.sock"

var loop *uv.Loop

type writeReq struct {
	req uv.WriteReq
	buf []byte
}

func allocBuffer(handle uv.Handle, suggestedSize int) []byte {
	return make([]byte, suggestedSize)
}

func echoWrite(req *uv.WriteReq, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "Write error %s\n", err.(uv.Errno).Name())
	}
}

func echoRead(client uv.Stream, buf []byte, err error) {
	if len(buf) > 0 {
		req := new(writeReq)
		req.buf = buf
		client.Write(&req.req, [][]byte{req.buf}, echoWrite)
		return
	}

	if err != nil {
		if err != uv.EOF {
			fmt.Fprintf(os.Stderr, "Read error %s\n", err.(uv.Errno).Name())
		}
		client.Close(nil)
	}
}

func onNewConnection(server uv.Stream, err error) {
	if err != nil {
		return
	}

	client := new(uv.Pipe)
	client.Init(loop, false)
	if server.Accept(client) == nil {
		client.ReadStart(allocBuffer, echoRead)
	} else {
		client.Close(nil)
	}
}

// removeSock is a handler of signal(2) in C, which interrupts whatever runs. Go
// has none of these, and a goroutine of os/signal's may not use the loop while
// it runs. So the loop watches the signal and calls this, unreferenced, since
// in C the handler does not keep the loop alive either.
func removeSock(sig *uv.Signal, signum syscall.Signal) {
	var req uv.FsReq
	loop.FsUnlink(&req, pipename, nil)
	os.Exit(0)
}

func run() int {
	loop = uv.DefaultLoop()

	var server uv.Pipe
	server.Init(loop, false)

	var sig uv.Signal
	sig.Init(loop)
	sig.Start(removeSock, syscall.SIGINT)
	sig.Unref()

	if err := server.Bind(pipename); err != nil {
		fmt.Fprintf(os.Stderr, "Bind error %s\n", err.(uv.Errno).Name())
		return 1
	}
	if err := server.Listen(128, onNewConnection); err != nil {
		fmt.Fprintf(os.Stderr, "Listen error %s\n", err.(uv.Errno).Name())
		return 2
	}
	if loop.Run(uv.RunDefault) {
		return 1
	}
	return 0
}

func main() { os.Exit(run()) }
