package purego

import (
	"net"
	"net/netip"
	"sync"
	"syscall"

	"libuv/uv/uvtest"
)

// conn is what *net.UnixConn and *net.TCPConn have.
type conn interface {
	net.Conn
	syscall.Conn
	CloseWrite() error
}

// stream is what pipe and tcp embed. A goroutine reads what is then called back,
// another one writes what is queued.
type stream struct {
	handle
	conn               conn
	listener           net.Listener
	readable, writable bool
	connecting         bool

	connection func(err error)
	waiting    []net.Conn // for Accept

	alloc   func(int) []byte
	read    func([]byte, error)
	reading bool
	pumping bool          // the goroutine is about to bring something
	more    chan struct{} // tells it to read again
	data    []byte        // read and not called back yet
	end     error

	queued int
	mu     sync.Mutex
	writes []write
	writer bool // the goroutine runs
}

// write is what is queued: bytes, or the end.
type write struct {
	data []byte
	end  bool
	cb   func(error)
}

func streamOf(s uvtest.Stream) *stream {
	switch s := s.(type) {
	case *pipe:
		return &s.stream
	case *tcp:
		return &s.stream
	}
	return nil
}

func (s *stream) IsActive() bool {
	return !s.isClosing && (s.reading || s.connection != nil)
}
func (s *stream) IsReadable() bool    { return s.readable }
func (s *stream) IsWritable() bool    { return s.writable }
func (s *stream) WriteQueueSize() int { return s.queued }

func (s *stream) open(c conn) {
	s.conn, s.readable, s.writable = c, true, true
}

func (s *stream) letGo() {
	s.reading, s.readable, s.writable = false, false, false
	if s.conn != nil {
		s.conn.Close()
	}
	if s.listener != nil {
		s.listener.Close()
	}
	for _, c := range s.waiting {
		c.Close()
	}
	if s.more != nil {
		close(s.more)
	}
}

func (s *stream) listen(cb func(err error)) error {
	if s.listener == nil || cb == nil {
		return syscall.EINVAL
	}
	s.connection = cb
	go func() {
		for {
			c, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.loop.post(func() {
				if s.isClosing {
					c.Close()
					return
				}
				s.waiting = append(s.waiting, c)
				s.connection(nil)
			})
		}
	}()
	return nil
}

func (s *stream) Accept(client uvtest.Stream) error {
	if len(s.waiting) == 0 {
		return syscall.EAGAIN
	}
	streamOf(client).open(s.waiting[0].(conn))
	s.waiting = s.waiting[1:]
	return nil
}

func (s *stream) ReadStart(alloc func(int) []byte, read func([]byte, error)) error {
	switch {
	case read == nil:
		return syscall.EINVAL
	case s.reading:
		return syscall.EALREADY
	case !s.readable:
		return syscall.ENOTCONN
	}
	s.alloc, s.read, s.reading = alloc, read, true
	if s.more == nil {
		s.more = make(chan struct{}, 1)
		go s.pump(s.conn, s.more)
	}
	if len(s.data) > 0 {
		s.loop.post(s.deliver)
	} else {
		s.pumpOn()
	}
	return nil
}

func (s *stream) pumpOn() {
	if !s.pumping {
		s.pumping = true
		s.more <- struct{}{}
	}
}

func (s *stream) pump(c conn, more chan struct{}) {
	buf := make([]byte, 64<<10)
	for range more {
		n, err := c.Read(buf)
		data := append([]byte(nil), buf[:n]...)
		s.loop.post(func() {
			s.pumping, s.data, s.end = false, data, err
			s.deliver()
		})
	}
}

// deliver calls back with what was read.
func (s *stream) deliver() {
	for s.reading && len(s.data) > 0 {
		buf := s.data
		if s.alloc != nil {
			buf = s.alloc(64 << 10)
		}
		if len(buf) == 0 {
			s.read(nil, syscall.ENOBUFS)
			continue
		}
		n := copy(buf, s.data)
		s.data = s.data[n:]
		s.read(buf[:n], nil)
	}
	switch {
	case !s.reading:
	case s.end != nil:
		s.reading = false
		s.read(nil, s.end)
	default:
		s.pumpOn()
	}
}

func (s *stream) ReadStop() error {
	s.reading = false
	return nil
}

func (s *stream) Write(bufs [][]byte, cb func(error)) error {
	switch {
	case s.conn == nil && !s.connecting:
		return syscall.EBADF
	case s.conn != nil && !s.writable:
		return syscall.EPIPE
	}
	var data []byte
	for _, b := range bufs {
		data = append(data, b...)
	}
	s.queued += len(data)
	s.push(write{data: data, cb: cb})
	return nil
}

func (s *stream) Shutdown(cb func(error)) error {
	if !s.writable {
		return syscall.ENOTCONN
	}
	s.writable = false
	s.push(write{end: true, cb: cb})
	return nil
}

func (s *stream) push(w write) {
	s.requests++
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, w)
	s.startWriter()
}

func (s *stream) startWriter() {
	if !s.writer && s.conn != nil && len(s.writes) > 0 {
		s.writer = true
		go s.writeAll(s.conn)
	}
}

func (s *stream) next() (write, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.writes) == 0 {
		s.writer = false
		return write{}, false
	}
	w := s.writes[0]
	s.writes = s.writes[1:]
	return w, true
}

func (s *stream) writeAll(c conn) {
	for w, found := s.next(); found; w, found = s.next() {
		var err error
		if w.end {
			err = c.CloseWrite()
		} else {
			_, err = c.Write(w.data)
		}
		s.loop.post(func() { s.written(w, err) })
	}
}

func (s *stream) written(w write, err error) {
	s.requests--
	s.queued -= len(w.data)
	if err != nil && s.isClosing {
		err = syscall.ECANCELED
	}
	if w.cb != nil {
		w.cb(err)
	}
}

func (s *stream) TryWrite(bufs [][]byte) (n int, err error) {
	switch {
	case s.conn == nil:
		return 0, syscall.EBADF
	case !s.writable:
		return 0, syscall.EPIPE
	case s.requests > 0:
		return 0, syscall.EAGAIN
	}
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var data []byte
	for _, b := range bufs {
		data = append(data, b...)
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		n, failed = syscall.Write(int(fd), data)
		return true
	})
	if err == nil {
		err = failed
	}
	return max(n, 0), err
}

// dial connects in a goroutine.
func (s *stream) dial(network, address string, cb func(error)) {
	s.connecting = true
	s.requests++
	go func() {
		c, err := net.Dial(network, address)
		s.loop.post(func() { s.connected(c, err, cb) })
	}()
}

func (s *stream) connected(c net.Conn, err error, cb func(error)) {
	s.connecting = false
	s.requests--
	if s.isClosing {
		if err == nil {
			c.Close()
		}
		err = syscall.ECANCELED
	}
	if err == nil {
		s.open(c.(conn))
	}
	if cb != nil {
		cb(err)
	}
	s.mu.Lock()
	if err == nil {
		s.startWriter()
	}
	lost := s.writes
	if err != nil {
		s.writes = nil
	}
	s.mu.Unlock()
	if err != nil {
		for _, w := range lost {
			s.requests--
			s.queued -= len(w.data)
			if w.cb != nil {
				w.cb(syscall.ECANCELED)
			}
		}
	}
}

type pipe struct{ stream }

func (l *loop) NewPipe(ipc bool) (uvtest.Pipe, error) {
	if ipc {
		return nil, errNotOffered
	}
	p := &pipe{}
	p.init(l, p, uvtest.HandleTypeNamedPipe, p.letGo)
	return p, nil
}

func (p *pipe) Open(fd int) error {
	if p.conn != nil || p.listener != nil {
		return syscall.EBUSY
	}
	file, err := duplicate(fd)
	if err != nil {
		return err
	}
	defer file.Close()
	c, err := net.FileConn(file)
	if err != nil {
		return err
	}
	p.open(c.(conn))
	return syscall.Close(fd)
}

func (p *pipe) Bind(name string) error {
	if p.conn != nil || p.listener != nil {
		return syscall.EINVAL
	}
	listener, err := net.Listen("unix", name)
	if err == nil {
		p.listener = listener
	}
	return err
}

func (p *pipe) Listen(_ int, cb func(err error)) error            { return p.listen(cb) }
func (p *pipe) Connect(name string, cb func(err error))           { p.dial("unix", name, cb) }
func (p *pipe) Bind2(string) error                                { return errNotOffered }
func (p *pipe) Connect2(string, func(err error)) error            { return errNotOffered }
func (p *pipe) PendingCount() int                                 { return 0 }
func (p *pipe) PendingType() uvtest.HandleType                    { return uvtest.HandleTypeUnknown }
func (p *pipe) Write2([][]byte, uvtest.Stream, func(error)) error { return errNotOffered }

func (p *pipe) Getsockname() (string, error) {
	switch {
	case p.listener != nil:
		return p.listener.Addr().String(), nil
	case p.conn != nil:
		return p.conn.LocalAddr().String(), nil
	}
	return "", syscall.EBADF
}

func (p *pipe) Getpeername() (string, error) {
	if p.conn == nil {
		return "", syscall.EBADF
	}
	return p.conn.RemoteAddr().String(), nil
}

type tcp struct{ stream }

func (l *loop) NewTCP() (uvtest.TCP, error) {
	t := &tcp{}
	t.init(l, t, uvtest.HandleTypeTCP, t.letGo)
	return t, nil
}

func (t *tcp) Bind(addr netip.AddrPort) error {
	if t.listener != nil {
		return syscall.EINVAL
	}
	listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
	if err == nil {
		t.listener = listener
	}
	return err
}

func (t *tcp) Listen(_ int, cb func(err error)) error {
	if t.listener == nil {
		if err := t.Bind(netip.AddrPort{}); err != nil {
			return err
		}
	}
	return t.listen(cb)
}

func (t *tcp) Connect(addr netip.AddrPort, cb func(err error)) error {
	if t.connecting {
		return syscall.EALREADY
	}
	t.dial("tcp", addr.String(), cb)
	return nil
}

func (t *tcp) Getsockname() (netip.AddrPort, error) {
	switch {
	case t.listener != nil:
		return t.listener.Addr().(*net.TCPAddr).AddrPort(), nil
	case t.conn != nil:
		return t.conn.LocalAddr().(*net.TCPAddr).AddrPort(), nil
	}
	return netip.AddrPort{}, syscall.EBADF
}

func (t *tcp) Getpeername() (netip.AddrPort, error) {
	switch {
	case t.conn != nil:
		return t.conn.RemoteAddr().(*net.TCPAddr).AddrPort(), nil
	case t.listener != nil:
		return netip.AddrPort{}, syscall.ENOTCONN
	}
	return netip.AddrPort{}, syscall.EBADF
}

func (t *tcp) CloseReset(cb func()) error {
	if !t.writable {
		return syscall.EINVAL
	}
	if err := t.conn.(*net.TCPConn).SetLinger(0); err != nil {
		return err
	}
	t.Close(cb)
	return nil
}
