// Package unixsocket frees the name of a Unix domain socket.
package unixsocket

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// Free removes a socket that nobody listens on any more. It fails where somebody
// does, and where the name is not a socket's.
func Free(name string) error {
	info, err := os.Lstat(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s is not a socket", name)
	}
	conn, err := net.Dial("unix", name)
	if err == nil {
		conn.Close()
		return fmt.Errorf("somebody listens on %s", name)
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		err = os.Remove(name)
	}
	if errors.Is(err, os.ErrNotExist) { // it went away meanwhile
		return nil
	}
	return err
}
