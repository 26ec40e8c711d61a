// Cgi runs the program tick for each client that connects, with the connection
// as its stdout. It is libuv's cgi/main.c in Go.
//
// Build it with tick beside it, start it and try nc localhost 7000: ten ticks,
// a second apart, BOOM!, and the connection ends. Hang up earlier and the
// server tells that its child was ended by SIGPIPE.
//
// One line differs. C has one global child_req: a client that comes while
// another is served has its process written over the other's, which is
// undefined there and a panic here. So childReq is made for each client.
package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"libuv/uv"
)

var (
	loop    *uv.Loop
	options uv.ProcessOptions
)

func cleanupHandles(req *uv.Process, exitStatus int64, termSignal syscall.Signal) {
	fmt.Fprintf(os.Stderr, "Process exited with status %d, signal %d\n", exitStatus, termSignal)
	req.Data().(*uv.TCP).Close(nil)
	req.Close(nil)
}

func invokeCGIScript(client *uv.TCP) {
	path, _ := uv.Exepath()
	path = strings.TrimSuffix(path, "cgi") + "tick"

	args := []string{path}

	childStdio := make([]uv.StdioContainer, 3)
	childStdio[0].Flags = uv.Ignore
	childStdio[1].Flags = uv.InheritStream
	childStdio[1].Stream = client
	childStdio[2].Flags = uv.Ignore
	options.Stdio = childStdio

	options.ExitCB = cleanupHandles
	options.File = args[0]
	options.Args = args

	childReq := new(uv.Process)

	// The child has its own copy of the socket, and ours is kept until it has
	// exited: the client gets its EOF when both are closed.
	childReq.SetData(client)
	if err := loop.Spawn(childReq, &options); err != nil {
		fmt.Fprintln(os.Stderr, err)
		// As in C the client stays connected and waits. A server that lives on
		// closes both client and childReq here.
		return
	}
}

func onNewConnection(server uv.Stream, err error) {
	if err != nil {
		return
	}

	client := new(uv.TCP)
	client.Init(loop)
	if server.Accept(client) == nil {
		invokeCGIScript(client)
	} else {
		client.Close(nil)
	}
}

func run() int {
	loop = uv.DefaultLoop()

	var server uv.TCP
	server.Init(loop)

	bindAddr, _ := uv.IP4Addr("0.0.0.0", 7000)
	server.Bind(bindAddr, 0)
	if err := server.Listen(128, onNewConnection); err != nil {
		fmt.Fprintf(os.Stderr, "Listen error %s\n", err.(uv.Errno).Name())
		return 1
	}
	if loop.Run(uv.RunDefault) {
		return 1
	}
	return 0
}

func main() { os.Exit(run()) }
