package uvtest

import (
	"fmt"
	"io"
	"os"
)

var stdioScenarios = []scenario{
	{name: "stdio_none", run: stdioNone, from: "process: uv_process_options_t.stdio",
		shows: "without any stdio a child's 0, 1 and 2 are /dev/null"},
	{name: "stdio_ignore", run: stdioIgnore, from: "process: UV_IGNORE",
		shows: "ignored, 0 to 2 are /dev/null and 3 is not open"},
	{name: "stdio_missing", run: stdioMissing, from: "process: uv_process_options_t.stdio_count",
		shows: "with one descriptor given, the other two are /dev/null"},
	{name: "stdio_output", run: stdioOutput, from: "test-spawn.c: spawn_stdout",
		shows: "a pipe that the child writes: its output, then EOF, and an exit, in any order"},
	{name: "stdio_output_and_errors", run: stdioOutputAndErrors, from: "test-spawn.c: spawn_stdout",
		shows: "descriptors 1 and 2 as two pipes keep their texts apart"},
	{name: "stdio_output_long", run: stdioOutputLong, from: "process: UV_CREATE_PIPE",
		shows: "more output than a socket holds arrives whole"},
	{name: "stdio_input", run: stdioInput, from: "test-spawn.c: spawn_stdin",
		shows: "a pipe that the child reads gets what is written, and the end after Shutdown"},
	{name: "stdio_input_long", run: stdioInputLong, from: "test-spawn.c: spawn_stdin",
		shows: "more input than a socket holds goes through a child and comes back whole"},
	{name: "stdio_input_closed", run: stdioInputClosed, from: "process: UV_READABLE_PIPE",
		shows: "closing the parent's end is the end for the child"},
	{name: "stdio_conversation", run: stdioConversation, from: "process: UV_CREATE_PIPE",
		shows: "a question is answered before the next one is put: nothing waits for the end"},
	{name: "stdio_duplex", run: stdioDuplex, from: "test-spawn.c: spawn_stdio_greater_than_3",
		shows: "one pipe at descriptor 3, for both directions"},
	{name: "stdio_directions", run: stdioDirections, from: "process: uv_stdio_flags",
		shows: "the parent's end is readable where the child writes, and writable where it reads"},
	{name: "stdio_wrong_direction", run: stdioWrongDirection, from: "stream: uv_write",
		shows: "writing to what only the child writes is EPIPE, reading what only it reads ENOTCONN"},
	{name: "stdio_kinds", run: stdioKinds, from: "process: uv_stdio_flags",
		shows: "what each descriptor of a child is, with a different flag for each"},
	{name: "stdio_gap", run: stdioGap, from: "process: UV_IGNORE",
		shows: "a descriptor that is left out between others stays closed"},
	{name: "stdio_inherit_fd", run: stdioInheritFD, from: "test-spawn.c: spawn_stdout_to_file",
		shows: "the child writes to a descriptor of the parent's"},
	{name: "stdio_inherit_fd_high", run: stdioInheritFDHigh, from: "test-spawn.c: spawn_stdio_greater_than_3",
		shows: "a descriptor of the parent's becomes the child's 5"},
	{name: "stdio_inherit_twice", run: stdioInheritTwice, from: "test-spawn.c: spawn_stdout_and_stderr_to_file",
		shows: "one descriptor for 1 and 2: texts come in the order of the writes"},
	{name: "stdio_inherit_swapped", run: stdioInheritSwapped, from: "test-spawn.c: spawn_stdout_and_stderr_to_file_swap",
		shows: "two descriptors that change places in the child"},
	{name: "stdio_inherit_input", run: stdioInheritInput, from: "process: UV_INHERIT_FD",
		shows: "the child reads a file from where the parent's descriptor stands"},
	{name: "stdio_inherit_stream", run: stdioInheritStream, from: "process: UV_INHERIT_STREAM",
		shows: "the child writes to a stream of the parent's, which it shares"},
	{name: "stdio_inherit_tcp", run: stdioInheritTCP, from: "test-spawn.c: spawn_tcp_server",
		shows: "a child's output is a client's connection, as in the guide's cgi"},
	{name: "stdio_no_leak", run: stdioNoLeak, from: "process: uv_spawn",
		shows: "a descriptor of the parent's that is close-on-exec and not named does not reach the child"},
	{name: "stdio_no_leak_between_children", run: stdioNoLeakBetweenChildren, from: "process: UV_CREATE_PIPE",
		shows: "a child does not hold another one's pipe open: closing that one's input ends it"},
	{name: "stdio_eof_before_exit", run: stdioEOFBeforeExit, from: "process: uv_exit_cb",
		shows: "EOF does not wait for the exit: a child closes its output and goes on"},
	{name: "stdio_exit_before_eof", run: stdioExitBeforeEOF, from: "process: uv_exit_cb",
		shows: "the exit does not wait for EOF: a grandchild holds the pipe and still writes"},
	{name: "stdio_pipe_in_use", run: stdioPipeInUse, from: "process: UV_CREATE_PIPE",
		shows: "the pipe can be read in the exit callback, after the child has gone"},
}

func (l *loop) runChild(name string, options *ProcessOptions) *process {
	var p *process
	p = l.Spawn(name, options, func() { p.Close() })
	l.RunSet(RunDefault)
	return p
}

func stdioNone(t *tester) { t.Loop().runChild("child", program("nulls")) }

func stdioIgnore(t *tester) {
	l := t.Loop()
	out := l.Pipe("out", false)
	options := program("kinds", "4", "4")
	options.Stdio = []StdioContainer{{}, {}, {}, {}, writes(out)}
	p := l.Spawn("child", options, nil)
	out.ReadToEnd(nil)
	l.RunSet(RunDefault)
	p.Close()
	l.Run(RunDefault)
}

func stdioMissing(t *tester) {
	t.Loop().Output("child", program("kinds", "1", "2"))
}

func stdioOutput(t *tester) { t.Loop().Output("child", program("write", "1", "hello\n")) }

func stdioOutputAndErrors(t *tester) {
	l := t.Loop()
	output, errors := l.Pipe("output", false), l.Pipe("errors", false)
	options := program("write", "1", "a ", "2", "b ", "1", "c", "2", "d")
	options.Stdio = []StdioContainer{{}, writes(output), writes(errors)}
	l.Spawn("child", options, nil)
	output.ReadToEnd(nil)
	errors.ReadToEnd(nil)
	l.RunSet(RunDefault)
}

func stdioOutputLong(t *tester) { t.Loop().Output("child", program("fill", "1234567")) }

func stdioInput(t *tester) {
	l := t.Loop()
	p, in := l.waiting("child", "count", nil)
	in.Write("hello", nil)
	in.Write(" and more", nil)
	in.Shutdown(nil)
	l.RunSet(RunDefault)
	p.Close()
	in.Close()
	l.RunSet(RunDefault)
}

const long = 3 << 20

func stdioInputLong(t *tester) {
	l := t.Loop()
	in, out := l.Pipe("in", false), l.Pipe("out", false)
	options := program("cat")
	options.Stdio = []StdioContainer{reads(in), writes(out)}
	l.Spawn("child", options, nil)
	out.ReadToEnd(nil)
	in.Write(text(long), nil)
	in.Shutdown(nil)
	l.RunSet(RunDefault)
}

// text returns a text of a length.
func text(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return string(b)
}

func stdioInputClosed(t *tester) {
	l := t.Loop()
	var p *process
	p, in := l.waiting("child", "wait", func() { p.Close() })
	in.Close()
	l.RunSet(RunDefault)
}

func stdioConversation(t *tester) {
	l := t.Loop()
	in, out := l.Pipe("in", false), l.Pipe("out", false)
	options := program("talk")
	options.Stdio = []StdioContainer{reads(in), writes(out)}
	var p *process
	p = l.Spawn("child", options, func() { p.Close() })
	n := 0
	var ask func()
	next := func() {}
	ask = func() {
		if n++; n == 4 {
			in.Close()
			return
		}
		next = after(2, ask)
		in.Write(fmt.Sprintf("line %d\n", n), next)
	}
	out.ReadEach(len("you said line 1\n"), func(data string) {
		if data == "" {
			out.Close()
			return
		}
		next()
	})
	ask()
	l.RunSet(RunDefault)
}

func stdioDuplex(t *tester) {
	l := t.Loop()
	both := l.Pipe("both", false)
	options := program("echo", "3")
	options.Stdio = []StdioContainer{{}, {}, {}, duplex(both)}
	var p *process
	p = l.Spawn("child", options, func() { p.Close() })
	both.Directions()
	done := after(2, both.Close)
	both.ReadToEnd(done)
	both.Write("there and back", nil)
	both.Shutdown(done)
	l.RunSet(RunDefault)
}

func stdioDirections(t *tester) {
	l := t.Loop()
	in, out, both := l.Pipe("the child reads", false), l.Pipe("the child writes", false), l.Pipe("both", false)
	options := program("exit", "0")
	options.Stdio = []StdioContainer{reads(in), writes(out), {}, duplex(both)}
	p := l.Spawn("child", options, nil)
	in.Directions()
	out.Directions()
	both.Directions()
	l.RunSet(RunDefault)
	p.Drop()
}

func stdioWrongDirection(t *tester) {
	l := t.Loop()
	in, out := l.Pipe("the child reads", false), l.Pipe("the child writes", false)
	options := program("exit", "0")
	options.Stdio = []StdioContainer{reads(in), writes(out)}
	l.Spawn("child", options, nil)
	in.ReadToEnd(nil)
	out.Write("x", nil)
	l.RunSet(RunDefault)
}

func stdioKinds(t *tester) {
	l := t.Loop()
	in, out, stream := l.Pipe("in", false), l.Pipe("out", false), l.TCP("stream")
	stream.Bind(localhost)
	stream.Listen(nil)
	_, w := t.Pipe2()
	options := program("kinds", "1", "5")
	options.Stdio = []StdioContainer{reads(in), writes(out), {}, inherits(w), {Flags: InheritStream, Stream: stream.inner}, {}}
	p := l.Spawn("child", options, func() { stream.Drop() })
	out.ReadToEnd(nil)
	l.RunSet(RunDefault)
	p.Drop()
}

func stdioGap(t *tester) {
	l := t.Loop()
	out := l.Pipe("out", false)
	_, w := t.Pipe2()
	options := program("kinds", "1", "5")
	options.Stdio = []StdioContainer{{}, writes(out), {}, inherits(w), {}, inherits(w)}
	l.Spawn("child", options, nil)
	out.ReadToEnd(nil)
	l.RunSet(RunDefault)
}

// readAll closes the writing end and logs what the other one has.
func (t *tester) readAll(name string, r, w *os.File) {
	w.Close()
	data, err := io.ReadAll(r)
	t.must(err)
	t.Log("%s: %q", name, data)
}

func stdioInheritFD(t *tester) {
	l := t.Loop()
	r, w := t.Pipe2()
	options := program("write", "1", "written by the child")
	options.Stdio = []StdioContainer{{}, inherits(w)}
	l.runChild("child", options)
	t.readAll("pipe", r, w)
}

func stdioInheritFDHigh(t *tester) {
	l := t.Loop()
	r, w := t.Pipe2()
	options := program("write", "5", "written to 5")
	options.Stdio = []StdioContainer{{}, {}, {}, {}, {}, inherits(w)}
	l.runChild("child", options)
	t.readAll("pipe", r, w)
}

func stdioInheritTwice(t *tester) {
	l := t.Loop()
	r, w := t.Pipe2()
	options := program("write", "1", "one ", "2", "two ", "1", "three")
	options.Stdio = []StdioContainer{{}, inherits(w), inherits(w)}
	l.runChild("child", options)
	t.readAll("pipe", r, w)
}

func stdioInheritSwapped(t *tester) {
	l := t.Loop()
	r1, w1 := t.Pipe2()
	r2, w2 := t.Pipe2()
	a, b := int(w1.Fd()), int(w2.Fd())
	options := program("write", fmt.Sprint(a), "written to the first", fmt.Sprint(b), "written to the second")
	options.Stdio = make([]StdioContainer, max(a, b)+1)
	options.Stdio[a], options.Stdio[b] = inherits(w2), inherits(w1)
	l.runChild("child", options)
	t.readAll("first", r1, w1)
	t.readAll("second", r2, w2)
}

func stdioInheritInput(t *tester) {
	l := t.Loop()
	path := t.Path("data")
	t.must(os.WriteFile(path, []byte("skipped, the rest"), 0o644))
	file, err := os.Open(path)
	t.must(err)
	defer file.Close()
	_, err = file.Seek(int64(len("skipped, ")), io.SeekStart)
	t.must(err)
	options := program("cat")
	options.Stdio = []StdioContainer{inherits(file)}
	l.Output("child", options)
}

func stdioInheritStream(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	options := program("write", "1", "through a", "2", " twice")
	options.Stdio = []StdioContainer{{}, {Flags: InheritStream, Stream: a.inner}, {Flags: InheritStream, Stream: a.inner}}
	var p *process
	p = l.Spawn("child", options, func() { p.Close() })
	a.Close()
	b.ReadToEnd(func() { b.Close() })
	l.RunSet(RunDefault)
}

func stdioInheritTCP(t *tester) {
	l := t.Loop()
	server, client := l.TCP("server"), l.TCP("client")
	server.Bind(localhost)
	server.Listen(func() {
		conn := server.AcceptTCP("connection")
		options := program("write", "1", "the answer")
		options.Stdio = []StdioContainer{{}, {Flags: InheritStream, Stream: conn.inner}}
		var p *process
		p = l.Spawn("child", options, func() { p.Close() })
		conn.Close()
		server.Close()
	})
	client.Connect(server.Addr(), func() {
		client.ReadToEnd(func() { client.Close() })
	})
	l.RunSet(RunDefault)
}

func stdioNoLeak(t *tester) {
	l := t.Loop()
	_, w := t.Pipe2()
	l.Output("child", program("has", identity(int(w.Fd()))))
}

func stdioNoLeakBetweenChildren(t *tester) {
	l := t.Loop()
	var a, b *process
	var toA, toB *pipe
	a, toA = l.waiting("a", "wait", func() {
		a.Drop()
		toB.Drop()
	})
	b, toB = l.waiting("b", "wait", func() { b.Drop() })
	toA.Drop()
	l.Run(RunDefault)
}

// speaker spawns a child with an input and an output.
func (l *loop) speaker(role string, onExit, onEnd func(p *process, in, out *pipe)) {
	in, out := l.Pipe("in", false), l.Pipe("out", false)
	options := program(role)
	options.Stdio = []StdioContainer{reads(in), writes(out)}
	var p *process
	p = l.Spawn("child", options, func() { onExit(p, in, out) })
	out.ReadToEnd(func() { onEnd(p, in, out) })
	l.Run(RunDefault)
}

func stdioEOFBeforeExit(t *tester) {
	t.Loop().speaker("hushed",
		func(p *process, _, _ *pipe) { p.Close() },
		func(_ *process, in, out *pipe) {
			out.Drop()
			in.Drop()
		})
}

func stdioExitBeforeEOF(t *tester) {
	t.Loop().speaker("parent",
		func(p *process, in, _ *pipe) {
			p.Drop()
			in.Drop()
		},
		func(_ *process, _, out *pipe) { out.Close() })
}

func stdioPipeInUse(t *tester) {
	l := t.Loop()
	out := l.Pipe("out", false)
	options := program("write", "1", "left behind")
	options.Stdio = []StdioContainer{{}, writes(out)}
	var p *process
	p = l.Spawn("child", options, func() {
		p.Close()
		out.ReadToEnd(func() { out.Close() })
	})
	l.RunSet(RunDefault)
}
