package main

import (
	"syscall"
	"time"

	"libuv/uv"
)

// write2-send KIND MS: sends a handle, pipe or tcp, over the ipc pipe that is
// descriptor 0, again and again, several at a time.
func write2Send(args []string) {
	var ipc uv.Pipe
	must(ipc.Init(loop, true))
	must(ipc.Open(0))
	var toSend uv.Stream
	if args[0] == "tcp" {
		tcp := new(uv.TCP)
		must(tcp.Init(loop))
		must(tcp.Bind(get(uv.IP4Addr("127.0.0.1", 0)), 0))
		toSend = tcp
	} else {
		pair := get(uv.Socketpair(syscall.SOCK_STREAM, 0, uv.NonblockPipe, uv.NonblockPipe))
		pipe := new(uv.Pipe)
		must(pipe.Init(loop, false))
		must(pipe.Open(pair[0]))
		toSend = pipe
	}
	message := [][]byte{[]byte("x")}
	deadline := inMS(args[1])
	var onSent func(req *uv.WriteReq, err error)
	onSent = func(req *uv.WriteReq, err error) {
		must(err)
		if time.Now().Before(deadline) {
			must(ipc.Write2(req, message, toSend, onSent))
		}
	}
	var reqs [16]uv.WriteReq
	for i := range reqs {
		must(ipc.Write2(&reqs[i], message, toSend, onSent))
	}
	loop.Run(uv.RunDefault)
}

// write2-receive KIND accepts and closes what comes over its descriptor 0, and
// counts.
func write2Receive(args []string) {
	tcp := args[0] == "tcp"
	var ipc uv.Pipe
	must(ipc.Init(loop, true))
	must(ipc.Open(0))
	received := 0
	var first, last time.Time
	onRead := func(s uv.Stream, buf []byte, err error) {
		if err != nil {
			s.Close(nil)
			return
		}
		for ipc.PendingCount() > 0 {
			var handle uv.Stream
			if tcp {
				t := new(uv.TCP)
				must(t.Init(loop))
				handle = t
			} else {
				p := new(uv.Pipe)
				must(p.Init(loop, false))
				handle = p
			}
			must(s.Accept(handle))
			handle.Close(nil)
			last = time.Now()
			if received++; received == 1 {
				first = last
			}
		}
	}
	must(ipc.ReadStart(nil, onRead))
	loop.Run(uv.RunDefault)
	if received < 2 {
		panic("nothing was received")
	}
	report("received", float64(received-1)/last.Sub(first).Seconds(), "handles/s")
}
