package purego

import (
	"os"
	"os/signal"
	"syscall"

	"libuv/uv/uvtest"
)

// watchedSignal gets its signals from os/signal, one at a time.
type watchedSignal struct {
	handle
	cb      func(syscall.Signal)
	signum  syscall.Signal // 0 if it is stopped
	oneshot bool
	caught  chan os.Signal
	done    chan struct{}
}

func (l *loop) NewSignal() (uvtest.Signal, error) {
	s := &watchedSignal{}
	s.init(l, s, uvtest.HandleTypeSignal, func() { s.Stop() })
	return s, nil
}

func (s *watchedSignal) IsActive() bool { return s.signum != 0 }

func (s *watchedSignal) Start(cb func(syscall.Signal), signum syscall.Signal) error {
	return s.start(cb, signum, false)
}

func (s *watchedSignal) StartOneshot(cb func(syscall.Signal), signum syscall.Signal) error {
	return s.start(cb, signum, true)
}

func (s *watchedSignal) start(cb func(syscall.Signal), signum syscall.Signal, oneshot bool) error {
	switch {
	case cb == nil, signum <= 0, signum > 64, signum == syscall.SIGKILL, signum == syscall.SIGSTOP:
		return syscall.EINVAL
	case signum == s.signum:
		s.cb = cb
		return nil
	}
	s.Stop()
	s.cb, s.signum, s.oneshot = cb, signum, oneshot
	s.caught, s.done = make(chan os.Signal, 100), make(chan struct{})
	signal.Notify(s.caught, signum)
	go s.wait(s.caught, s.done)
	return nil
}

func (s *watchedSignal) wait(caught chan os.Signal, done chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-caught:
			s.loop.post(func() { s.dispatch(done) })
		}
	}
}

func (s *watchedSignal) dispatch(done chan struct{}) {
	if s.done != done {
		return // of a former start
	}
	s.cb(s.signum)
	if s.oneshot {
		s.Stop()
	}
}

func (s *watchedSignal) Stop() error {
	if s.signum != 0 {
		signal.Stop(s.caught)
		close(s.done)
		s.signum, s.done = 0, nil
	}
	return nil
}
