package uvtest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// childArgument is the first argument of a scenario's child, before the role.
const childArgument = "uvtest-child"

// Main must be called by TestMain, before anything else: the children of the
// scenarios are the test program itself. In a child it plays the child's role
// and does not return.
func Main() {
	mainCalled = true
	if len(os.Args) < 3 || os.Args[1] != childArgument {
		return
	}
	// A child that nobody waits for any more shall not stay.
	time.AfterFunc(time.Minute, func() { syscall.Exit(124) })
	role := roles[os.Args[2]]
	if role == nil {
		fmt.Fprintf(os.Stderr, "uvtest: no role %q\n", os.Args[2])
		syscall.Exit(125)
	}
	// Without what os.Exit does before: the race detector's sleep.
	syscall.Exit(role(os.Args[3:]))
}

// mainCalled is there to keep children from running the tests again, and having
// children.
var mainCalled bool

// roles are what children do. They use the standard library alone, and return
// the exit status.
var roles = map[string]func(args []string) int{
	// exit exits with a status.
	"exit": func(args []string) int {
		code, _ := strconv.Atoi(args[0])
		return code
	},
	// die sends itself a signal.
	"die": func(args []string) int {
		n, _ := strconv.Atoi(args[0])
		syscall.Kill(os.Getpid(), syscall.Signal(n))
		select {}
	},
	// wait waits for the end of descriptor 0.
	"wait": func([]string) int {
		io.Copy(io.Discard, os.Stdin)
		return 0
	},
	// count exits with the number of bytes that descriptor 0 brings.
	"count": func([]string) int {
		n, _ := io.Copy(io.Discard, os.Stdin)
		return int(n)
	},
	// args prints its arguments, from the program's name on.
	"args": func([]string) int {
		for i, arg := range os.Args {
			fmt.Printf("%d %q\n", i, arg)
		}
		return 0
	},
	// env prints its environment.
	"env": func([]string) int {
		fmt.Printf("%q\n", slices.DeleteFunc(os.Environ(), isNeeded))
		return 0
	},
	// environ prints the environment that it was started with, which os.Environ
	// leaves something out of.
	"environ": func([]string) int {
		raw, err := os.ReadFile("/proc/self/environ")
		if err != nil {
			return 1
		}
		items := strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
		fmt.Printf("%q\n", slices.DeleteFunc(items, isNeeded))
		return 0
	},
	// getenv prints one variable.
	"getenv": func(args []string) int {
		value, set := os.LookupEnv(args[0])
		fmt.Printf("%q %v\n", value, set)
		return 0
	},
	// cwd prints its working directory.
	"cwd": func([]string) int {
		dir, err := syscall.Getwd()
		if err == nil {
			dir, err = filepath.EvalSymlinks(dir)
		}
		fmt.Println(dir, err)
		return 0
	},
	// write writes texts to descriptors.
	"write": func(args []string) int {
		for i := 0; i+1 < len(args); i += 2 {
			fd, _ := strconv.Atoi(args[i])
			if err := writeAll(fd, args[i+1]); err != nil {
				return 1
			}
		}
		return 0
	},
	// cat copies descriptor 0 to 1.
	"cat": func([]string) int {
		io.Copy(os.Stdout, os.Stdin)
		return 0
	},
	// echo copies a descriptor to itself.
	"echo": func(args []string) int {
		fd, _ := strconv.Atoi(args[0])
		file := os.NewFile(uintptr(fd), "echo")
		io.Copy(file, struct{ io.Reader }{file})
		return 0
	},
	// fill writes so many bytes to descriptor 1.
	"fill": func(args []string) int {
		n, _ := strconv.Atoi(args[0])
		if err := writeAll(1, strings.Repeat("x", n)); err != nil {
			return 1
		}
		return 0
	},
	// kinds writes to a descriptor what its descriptors up to another are.
	"kinds": func(args []string) int {
		to, _ := strconv.Atoi(args[0])
		upTo, _ := strconv.Atoi(args[1])
		var kinds []string
		for fd := range upTo + 1 {
			kinds = append(kinds, fmt.Sprintf("%d %s", fd, kindOf(fd)))
		}
		writeAll(to, strings.Join(kinds, ", ")+"\n")
		return 0
	},
	// nulls exits with 0 if 0, 1 and 2 are /dev/null.
	"nulls": func([]string) int {
		for fd := range 3 {
			if kindOf(fd) != "null" {
				return 1 + fd
			}
		}
		return 0
	},
	// has prints whether it has a descriptor of the file with a device and an
	// inode.
	"has": func(args []string) int {
		for fd := range 1024 {
			if identity(fd) == args[0] {
				fmt.Println("yes")
				return 0
			}
		}
		fmt.Println("no")
		return 0
	},
	// session prints whether it leads a session and a process group.
	"session": func([]string) int {
		fmt.Printf("leads its session: %v, its group: %v\n", sessionOf(0) == os.Getpid(), syscall.Getpgrp() == os.Getpid())
		return 0
	},
	// ignored prints whether SIGHUP is ignored.
	"ignored": func([]string) int {
		fmt.Println(signal.Ignored(syscall.SIGHUP))
		return 0
	},
	// catch prints a line when it is ready, waits for SIGTERM, and exits.
	"catch": func([]string) int {
		caught := make(chan os.Signal, 1)
		signal.Notify(caught, syscall.SIGTERM)
		fmt.Println("ready")
		<-caught
		fmt.Print("caught")
		return 7
	},
	// ignore ignores SIGTERM, says so, and exits at the end of descriptor 0.
	"ignore": func([]string) int {
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
		return 8
	},
	// hushed closes descriptor 1 and waits for the end of descriptor 0.
	"hushed": func([]string) int {
		os.Stdout.WriteString("last words")
		os.Stdout.Close()
		io.Copy(io.Discard, os.Stdin)
		return 9
	},
	// parent starts a child that waits, with the same descriptors, and exits.
	"parent": func([]string) int {
		path, err := os.Executable()
		if err != nil {
			return 1
		}
		cmd := exec.Command(path, childArgument, "heir")
		cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
		if cmd.Start() != nil {
			return 2
		}
		return 3
	},
	// heir waits for the end of descriptor 0 and then speaks.
	"heir": func([]string) int {
		io.Copy(io.Discard, os.Stdin)
		fmt.Println("the heir speaks")
		return 0
	},
	// serve receives sockets over descriptor 0 and greets over each, up to the
	// end.
	"serve": func([]string) int {
		conn, err := net.FileConn(os.NewFile(0, "channel"))
		if err != nil {
			return 1
		}
		channel, ok := conn.(*net.UnixConn)
		if !ok {
			return 2
		}
		return serve(channel)
	},
	// talk writes a line to descriptor 1 for each it reads from descriptor 0.
	"talk": func([]string) int {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			fmt.Println("you said " + lines.Text())
		}
		return 0
	},
}

func serve(channel *net.UnixConn) int {
	data, control := make([]byte, 16), make([]byte, 256)
	for {
		n, controlN, _, _, err := channel.ReadMsgUnix(data, control)
		if n == 0 || err != nil {
			return 0
		}
		messages, err := syscall.ParseSocketControlMessage(control[:controlN])
		if err != nil {
			return 3
		}
		for i := range messages {
			fds, err := syscall.ParseUnixRights(&messages[i])
			if err != nil {
				return 4
			}
			for _, fd := range fds {
				writeAll(fd, "hello from the child")
				syscall.Close(fd)
			}
		}
	}
}

func writeAll(fd int, text string) error {
	for b := []byte(text); len(b) > 0; {
		n, err := syscall.Write(fd, b)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN: // shared with somebody who does not wait
			time.Sleep(time.Millisecond)
		case err != nil:
			return err
		default:
			b = b[n:]
		}
	}
	return nil
}

// kindOf says what a descriptor is, "-" where it is not open, or a file that
// the runtime may have opened.
func kindOf(fd int) string {
	var stat, null syscall.Stat_t
	if syscall.Fstat(fd, &stat) != nil || syscall.Stat(os.DevNull, &null) != nil {
		return "-"
	}
	switch stat.Mode & syscall.S_IFMT {
	case syscall.S_IFSOCK:
		return "socket"
	case syscall.S_IFIFO:
		return "pipe"
	case syscall.S_IFCHR:
		if stat.Rdev == null.Rdev {
			return "null"
		}
		return "device"
	}
	return "-"
}

// identity returns what an open file can be told by.
func identity(fd int) string {
	var stat syscall.Stat_t
	if syscall.Fstat(fd, &stat) != nil {
		return ""
	}
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

func sessionOf(pid int) int {
	sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, uintptr(pid), 0, 0)
	return int(sid)
}

// program returns the options to spawn a child that plays a role.
func program(role string, args ...string) *ProcessOptions {
	return &ProcessOptions{File: executable(), Args: append([]string{"child", childArgument, role}, args...)}
}

// libraryPath is what a child may need to start at all.
const libraryPath = "LD_LIBRARY_PATH"

func isNeeded(item string) bool { return strings.HasPrefix(item, libraryPath+"=") }

// environment returns an environment for a child.
func environment(items ...string) []string {
	env := append([]string{}, items...)
	if value, set := os.LookupEnv(libraryPath); set {
		env = append(env, libraryPath+"="+value)
	}
	return env
}

func executable() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}
