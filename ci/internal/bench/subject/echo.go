package main

import (
	"fmt"

	"libuv/uv"
)

// echo STYLE TRANSPORT PATH: an echo server. Style guide is what libuv's guide
// teaches: a buffer and a request for each read, freed when they have been
// written. Freed are they into a list, for the next read; style make has the
// collector do it. Style tuned reads into the loop's own buffer, and writes what
// it can at once. For transport tcp the path is not used, and the port is any
// that is free.
func echo(args []string) {
	style, tcp := args[0], args[1] == "tcp"
	alloc, read := guideAlloc, guideRead
	switch style {
	case "make":
		alloc, read = makeAlloc, makeRead
	case "tuned":
		alloc, read = nil, tunedRead
	}
	onConnection := func(server uv.Stream, err error) {
		must(err)
		var client uv.Stream
		if tcp {
			t := new(uv.TCP)
			must(t.Init(loop))
			client = t
		} else {
			p := new(uv.Pipe)
			must(p.Init(loop, false))
			client = p
		}
		must(server.Accept(client))
		if tcp && style == "tuned" {
			must(client.(*uv.TCP).Nodelay(true))
		}
		must(client.ReadStart(alloc, read))
	}
	if tcp {
		var server uv.TCP
		must(server.Init(loop))
		must(server.Bind(get(uv.IP4Addr("127.0.0.1", 0)), 0))
		must(server.Listen(1024, onConnection))
		fmt.Println("ready", get(server.Getsockname()).Port())
	} else {
		var server uv.Pipe
		must(server.Init(loop, false))
		must(server.Bind(args[2]))
		must(server.Listen(1024, onConnection))
		fmt.Println("ready", args[2])
	}
	loop.Run(uv.RunDefault)
}

type writeReq struct {
	req    uv.WriteReq
	memory []byte
	bufs   [1][]byte
}

var free []*writeReq

func newWriteReq(size int) *writeReq {
	if n := len(free); n > 0 {
		w := free[n-1]
		free = free[:n-1]
		return w
	}
	w := &writeReq{memory: make([]byte, size)}
	w.req.SetData(w)
	return w
}

// next is the request whose memory the read that is under way fills, nil where a
// read ends without one.
var next *writeReq

func guideAlloc(h uv.Handle, suggestedSize int) []byte {
	next = newWriteReq(suggestedSize)
	return next.memory
}

func guideWritten(req *uv.WriteReq, err error) { free = append(free, req.Data().(*writeReq)) }

func guideRead(client uv.Stream, buf []byte, err error) {
	w := next
	next = nil
	if len(buf) > 0 {
		w.bufs[0] = buf
		err = client.Write(&w.req, w.bufs[:], guideWritten)
		if err == nil {
			return
		}
	}
	if w != nil {
		free = append(free, w)
	}
	if err != nil {
		client.Close(nil)
	}
}

func makeAlloc(h uv.Handle, suggestedSize int) []byte { return make([]byte, suggestedSize) }

func makeRead(client uv.Stream, buf []byte, err error) {
	if len(buf) > 0 {
		w := new(writeReq)
		w.bufs[0] = buf
		err = client.Write(&w.req, w.bufs[:], func(*uv.WriteReq, error) {})
	}
	if err != nil {
		client.Close(nil)
	}
}

var bufs [1][]byte

func tunedRead(client uv.Stream, buf []byte, err error) {
	if err != nil {
		client.Close(nil)
		return
	}
	if len(buf) == 0 {
		return
	}
	bufs[0] = buf
	n, err := client.TryWrite(bufs[:])
	if n == len(buf) {
		return
	}
	if err != nil && err != uv.EAGAIN {
		client.Close(nil)
		return
	}
	w := newWriteReq(64 * 1024)
	w.bufs[0] = w.memory[:copy(w.memory, buf[n:])]
	if client.Write(&w.req, w.bufs[:], guideWritten) != nil {
		client.Close(nil)
	}
}
