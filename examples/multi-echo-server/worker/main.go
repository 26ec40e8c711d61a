// Worker serves the connections that multi-echo-server passes it over a pipe,
// its stdin. It is libuv's multi-echo-server/worker.c in Go.
package main

import (
	"fmt"
	"os"

	"libuv/uv"
)

var (
	loop  *uv.Loop
	queue uv.Pipe
)

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

func onNewConnection(q uv.Stream, buf []byte, err error) {
	if err != nil {
		if err != uv.EOF {
			fmt.Fprintf(os.Stderr, "Read error %s\n", err.(uv.Errno).Name())
		}
		q.Close(nil)
		return
	}

	pipe := q.(*uv.Pipe)
	// One connection is accepted a read, as in C, where several that came with
	// one read would wait for the next. A server that must not miss one accepts
	// in a loop, until PendingCount is 0.
	if pipe.PendingCount() == 0 {
		fmt.Fprintln(os.Stderr, "No pending count")
		return
	}

	pending := pipe.PendingType()
	if pending != uv.HandleTypeTCP {
		panic(fmt.Sprintf("a %v was passed, not a connection", pending))
	}

	client := new(uv.TCP)
	client.Init(loop)
	if q.Accept(client) == nil {
		fd, _ := client.Fileno()
		fmt.Fprintf(os.Stderr, "Worker %d: Accepted fd %d\n", os.Getpid(), fd)
		client.ReadStart(allocBuffer, echoRead)
	} else {
		client.Close(nil)
	}
}

func run() int {
	loop = uv.DefaultLoop()

	queue.Init(loop, true)
	queue.Open(0)
	queue.ReadStart(allocBuffer, onNewConnection)
	if loop.Run(uv.RunDefault) {
		return 1
	}
	return 0
}

func main() { os.Exit(run()) }
