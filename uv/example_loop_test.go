package uv_test

import (
	"fmt"
	"log"
	"net/netip"
	"os"
	"syscall"

	"libuv/uv"
)

func try(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleLoop() {
	var loop uv.Loop
	try(loop.Init())

	var idle uv.Idle
	try(idle.Init(&loop))
	counter := 0
	try(idle.Start(func(idle *uv.Idle) {
		if counter++; counter == 1000 {
			idle.Close(nil) // nothing is left to do, so Run returns
		}
	}))

	loop.Run(uv.RunDefault)
	fmt.Println("idled", counter, "times")
	try(loop.Close())
	// Output: idled 1000 times
}

func ExampleLoop_Walk() {
	var loop uv.Loop
	try(loop.Init())
	var timer uv.Timer
	try(timer.Init(&loop))
	var async uv.Async
	try(async.Init(&loop, nil))

	// The usual end of a loop: close whatever is open, and let it happen.
	loop.Walk(func(h uv.Handle) {
		fmt.Println("closing", h.Type())
		h.Close(nil)
	})
	loop.Run(uv.RunDefault)
	try(loop.Close())
	// Unordered output:
	// closing timer
	// closing async
}

func ExampleTimer() {
	var loop uv.Loop
	try(loop.Init())

	var timer uv.Timer
	try(timer.Init(&loop))
	ticks := 0
	try(timer.Start(func(timer *uv.Timer) {
		ticks++
		fmt.Println("tick", ticks)
		if ticks == 3 {
			timer.Close(nil)
		}
	}, 5, 5)) // after 5 ms, and then every 5 ms

	loop.Run(uv.RunDefault)
	try(loop.Close())
	// Output:
	// tick 1
	// tick 2
	// tick 3
}

// Work that takes long is done by goroutines; they tell the loop with an Async,
// the only thing of a loop that they may touch.
func ExampleAsync() {
	var loop uv.Loop
	try(loop.Init())

	results := make(chan int, 1)
	var async uv.Async
	try(async.Init(&loop, func(async *uv.Async) {
		fmt.Println("result:", <-results)
		async.Close(nil)
	}))
	go func() {
		sum := 0
		for i := range 101 {
			sum += i
		}
		results <- sum
		try(async.Send())
	}()

	loop.Run(uv.RunDefault)
	try(loop.Close())
	// Output: result: 5050
}

func ExampleSignal() {
	var loop uv.Loop
	try(loop.Init())

	var signal uv.Signal
	try(signal.Init(&loop))
	try(signal.Start(func(signal *uv.Signal, signum syscall.Signal) {
		fmt.Println("got signal", int(signum) == int(syscall.SIGUSR1))
		signal.Close(nil)
	}, syscall.SIGUSR1))
	try(uv.Kill(os.Getpid(), syscall.SIGUSR1))

	loop.Run(uv.RunDefault)
	try(loop.Close())
	// Output: got signal true
}

// A server that greets, and a client that listens.
func ExampleTCP() {
	var loop uv.Loop
	try(loop.Init())

	var server uv.TCP
	try(server.Init(&loop))
	try(server.Bind(netip.MustParseAddrPort("127.0.0.1:0"), 0))
	try(server.Listen(128, func(server uv.Stream, err error) {
		try(err)
		client := new(uv.TCP)
		try(client.Init(&loop))
		try(server.Accept(client))
		try(client.Write(nil, [][]byte{[]byte("hello")}, func(req *uv.WriteReq, err error) {
			try(err)
			req.Handle().Close(nil)
		}))
		server.Close(nil) // one client is enough
	}))
	addr, err := server.Getsockname()
	try(err)

	var client uv.TCP
	try(client.Init(&loop))
	try(client.Connect(nil, addr, func(req *uv.ConnectReq, err error) {
		try(err)
		try(req.Handle().ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
			if err == uv.EOF {
				fmt.Println("end")
				s.Close(nil)
				return
			}
			try(err)
			fmt.Printf("%s\n", buf)
		}))
	}))

	loop.Run(uv.RunDefault)
	try(loop.Close())
	// Output:
	// hello
	// end
}
