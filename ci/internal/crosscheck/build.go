package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"libuv/ci/internal/source"
)

// release is the libuv that the C programs come from. They are compiled against
// the installed one, which may be another.
const release = "1.51.0"

// sources maps the name of each C program to its source in libuv's docs/code.
var sources = map[string]string{
	"spawn":             "spawn/main.c",
	"detach":            "detach/main.c",
	"signal":            "signal/main.c",
	"proc-streams":      "proc-streams/main.c",
	"test":              "proc-streams/test.c",
	"cgi":               "cgi/main.c",
	"tick":              "cgi/tick.c",
	"pipe-echo-server":  "pipe-echo-server/main.c",
	"multi-echo-server": "multi-echo-server/main.c",
	"worker":            "multi-echo-server/worker.c",
}

// ours are C programs of our own, in the folder child.
var ours = []string{"parent", "probe"}

// build makes the programs of both languages, in folders of temp with the
// languages' names.
func build(temp string) error {
	var goErr error
	var wait sync.WaitGroup
	wait.Go(func() {
		goErr = command("", "go", "build", "-o", filepath.Join(temp, "Go")+string(filepath.Separator),
			"./examples/...", "./ci/internal/crosscheck/child/parent").run()
	})
	cErr := buildC(temp)
	wait.Wait()
	if cErr != nil {
		return cErr
	}
	return goErr
}

func buildC(temp string) error {
	libuv, err := source.Dir(release)
	if err != nil {
		return err
	}
	// As cgo finds libuv and the compiler.
	pkgConfig := os.Getenv("PKG_CONFIG")
	if pkgConfig == "" {
		pkgConfig = "pkg-config"
	}
	flags, err := command("", pkgConfig, "--cflags", "--libs", "libuv").output()
	if err != nil {
		return err
	}
	env, err := command("", "go", "env", "CC", "CGO_CFLAGS", "CGO_LDFLAGS").output()
	if err != nil {
		return err
	}
	settings := strings.Split(string(env), "\n")
	cc := strings.Fields(settings[0])
	bin := filepath.Join(temp, "C")
	if err := os.Mkdir(bin, 0o777); err != nil {
		return err
	}
	compile := func(name, file string) error {
		args := slices.Concat(cc[1:], strings.Fields(settings[1]), []string{"-o", filepath.Join(bin, name), file},
			strings.Fields(settings[2]), strings.Fields(string(flags)))
		return command("", cc[0], args...).run()
	}
	for name, file := range sources {
		if err := compile(name, filepath.Join(libuv, "docs", "code", filepath.FromSlash(file))); err != nil {
			return err
		}
	}
	for _, name := range ours {
		if err := compile(name, filepath.Join("ci", "internal", "crosscheck", "child", name+".c")); err != nil {
			return err
		}
	}
	return nil
}

// cmd is an exec.Cmd whose errors say what went wrong.
type cmd struct{ *exec.Cmd }

func command(dir, name string, args ...string) cmd {
	c := exec.Command(name, args...)
	c.Dir = dir
	return cmd{c}
}

func (c cmd) output() ([]byte, error) {
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(c.Args, " "), err, stderr.String())
	}
	return out, err
}

func (c cmd) run() error {
	out, err := c.output()
	if err != nil && len(out) > 0 {
		err = fmt.Errorf("%w%s", err, out)
	}
	return err
}
