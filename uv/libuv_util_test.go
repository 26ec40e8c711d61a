package uv_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// The executable's path is the true one, and does not change with the title.
func TestLibuv_get_currentexe(t *testing.T) {
	t.Parallel()
	want, err := filepath.EvalSymlinks(helperPath())
	require.NoError(t, err)
	path, err := uv.Exepath()
	require.NoError(t, err)
	assert.Equal(t, want, path)
	assert.Equal(t, want+"\nfoobar\n"+want+"\n", helperOutput(t, helperExepathAndTitle))
}

var helperExepathAndTitle = helper("exepath and title", func() {
	printExepath := func() {
		path, err := uv.Exepath()
		must(err)
		fmt.Println(path)
	}
	printExepath()
	must(uv.SetProcessTitle("foobar"))
	title, err := uv.ProcessTitle()
	must(err)
	fmt.Println(title)
	printExepath()
})

// The working directory can be asked for, and changed to what it is and to
// another.
func TestLibuv_cwd_and_chdir(t *testing.T) {
	t.Parallel()
	from, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	to := from
	for len(to) < 300 { // longer than the buffer that the binding starts with
		to = filepath.Join(to, strings.Repeat("d", 100))
	}
	require.NoError(t, os.MkdirAll(to, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(to, "file"), []byte("content"), 0o600))
	cmd := exec.Command(helperPath(), to)
	cmd.Dir = from
	cmd.Env = helperEnv(changesDir)
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Equal(t, []string{
		from + " <nil>",
		"<nil>",
		"<nil>",
		to + " <nil>",
		"no such file or directory no such file or directory not a directory invalid argument",
		to + " <nil>",
		"content <nil>",
		"",
	}, strings.Split(string(out), "\n"))
}

// The working directory is the whole process's.
var changesDir = helper("changesDir", func() {
	before, err := uv.Cwd()
	fmt.Println(before, err)
	fmt.Println(uv.Chdir(before))
	fmt.Println(uv.Chdir(os.Args[1]))
	after, err := uv.Cwd()
	fmt.Println(after, err)
	fmt.Println(uv.Chdir("missing"), uv.Chdir(""), uv.Chdir("file"), uv.Chdir("a\x00b"))
	after, err = uv.Cwd()
	fmt.Println(after, err)
	wd, err := os.ReadFile("file") // Go is where libuv is
	fmt.Println(string(wd), err)
})

// The time goes on while a thread sleeps.
func TestLibuv_hrtime(t *testing.T) {
	t.Parallel()
	for range 5 {
		a := uv.Hrtime()
		uv.Sleep(5)
		b := uv.Hrtime()
		assert.GreaterOrEqual(t, b-a, uint64(5e6), "5 ms at least")
	}
}

// Variables of the environment are set, got, removed and listed, the empty and
// the long ones too. NULL, which C tests, cannot be said in Go; a NUL byte can.
func TestLibuv_env_vars(t *testing.T) {
	const name, name2 = "UV_TEST_FOO", "UV_TEST_FOO2"
	get := func(want string) {
		t.Helper()
		got, err := uv.OSGetenv(name)
		assert.NoError(t, err)
		assert.True(t, want == got, "%.50q", got)
	}
	for _, err := range []error{
		uv.OSSetenv("", "foo"), uv.OSSetenv("a=b", "foo"), uv.OSSetenv("a\x00", ""), uv.OSSetenv("a", "\x00"),
		uv.OSUnsetenv(""), uv.OSUnsetenv("\x00"),
	} {
		assert.Equal(t, uv.EINVAL, err)
	}
	_, err := uv.OSGetenv("a\x00")
	assert.Equal(t, uv.EINVAL, err)

	require.NoError(t, uv.OSSetenv(name, "123456789"))
	get("123456789")
	for range 2 { // that it is not there is no error
		require.NoError(t, uv.OSUnsetenv(name))
		_, err = uv.OSGetenv(name)
		assert.Equal(t, uv.ENOENT, err)
	}
	require.NoError(t, uv.OSSetenv(name, ""))
	get("")

	require.NoError(t, uv.OSSetenv(name, "123456789"))
	require.NoError(t, uv.OSSetenv(name2, ""))
	env, err := uv.OSEnviron()
	assert.NoError(t, err)
	found := map[string][]string{}
	for _, item := range env {
		if item.Name == name || item.Name == name2 {
			found[item.Name] = append(found[item.Name], item.Value)
		}
	}
	assert.Equal(t, map[string][]string{name: {"123456789"}, name2: {""}}, found)
	require.NoError(t, uv.OSUnsetenv(name))
	require.NoError(t, uv.OSUnsetenv(name2))

	for i := range 4 {
		long := strings.Repeat("x", (i+1)*32768)
		require.NoError(t, uv.OSSetenv(name, long))
		get(long)
		require.NoError(t, uv.OSUnsetenv(name))
	}
}

// assertFolder checks what a function that returns a folder returned.
func assertFolder(t *testing.T, dir string, err error) {
	t.Helper()
	assert.NoError(t, err)
	assert.NotEmpty(t, dir)
	assert.NotContains(t, dir, "\x00")
	if dir != "/" {
		assert.False(t, strings.HasSuffix(dir, "/"), dir)
	}
}

// The home directory has no slash at its end, and may have a long name.
func TestLibuv_homedir(t *testing.T) {
	got, err := uv.OSHomedir()
	assertFolder(t, got, err)
	long := "/" + strings.Repeat("h", 1000) // more than the buffer that the binding starts with
	t.Setenv("HOME", long)
	got, err = uv.OSHomedir()
	assertFolder(t, got, err)
	assert.Equal(t, long, got)
}

// So has the folder for temporary files.
func TestLibuv_tmpdir(t *testing.T) {
	got, err := uv.OSTmpdir()
	assertFolder(t, got, err)
	for _, dir := range []string{"/some/where", "/" + strings.Repeat("t", 1000)} {
		t.Setenv("TMPDIR", dir+"/")
		got, err = uv.OSTmpdir()
		assertFolder(t, got, err)
		assert.Equal(t, dir, got)
	}
}

// The effective user has a name, a home directory and a shell.
func TestLibuv_get_passwd(t *testing.T) {
	got, err := uv.OSPasswd()
	require.NoError(t, err)
	want, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	require.NoError(t, err)
	assert.Equal(t, want.Username, got.Username)
	assert.Equal(t, want.HomeDir, got.Homedir)
	assert.NotEmpty(t, got.Username)
	assertFolder(t, got.Homedir, nil)
	assert.NotEmpty(t, got.Shell)
	assert.Equal(t, [2]string{want.Uid, want.Gid}, [2]string{fmt.Sprint(got.UID), fmt.Sprint(got.GID)})
}

// So has any user that there is.
func TestLibuv_get_passwd2(t *testing.T) {
	root, err := uv.OSPasswd2(0)
	require.Equal(t, lacksUntil(0x012d00), err)
	if err == nil {
		assert.Equal(t, "root", root.Username)
		assert.NotEmpty(t, root.Homedir)
		assert.NotEmpty(t, root.Shell)
		self, err := uv.OSPasswd()
		assert.NoError(t, err)
		again, err := uv.OSPasswd2(self.UID)
		assert.NoError(t, err)
		assert.Equal(t, self, again)
		_, err = uv.OSPasswd2(4000000000)
		assert.Equal(t, uv.ENOENT, err)
	}
}

// Groups have names.
func TestLibuv_get_group(t *testing.T) {
	self, err := uv.OSPasswd()
	require.NoError(t, err)
	group, err := uv.OSGroup(self.GID)
	require.Equal(t, lacksUntil(0x012d00), err)
	if err == nil {
		want, err := user.LookupGroupId(fmt.Sprint(self.GID))
		assert.NoError(t, err)
		assert.NotEmpty(t, group.Groupname)
		assert.Equal(t, self.GID, group.GID)
		assert.Equal(t, want.Name, group.Groupname)
	}
}

// There are a monotonic clock and one that tells the time, and no others.
func TestLibuv_clock_gettime(t *testing.T) {
	t.Parallel()
	if lacksUntil(0x012d00) != nil {
		_, err := uv.ClockGettime(uv.ClockRealtime)
		assert.Equal(t, uv.ENOSYS, err)
		return
	}
	_, err := uv.ClockGettime(1337)
	assert.Equal(t, uv.EINVAL, err)
	_, err = uv.ClockGettime(uv.ClockMonotonic)
	assert.NoError(t, err)
	now, err := uv.ClockGettime(uv.ClockRealtime)
	assert.NoError(t, err)
	assert.WithinDuration(t, time.Now(), time.Unix(now.Sec, int64(now.Nsec)), time.Minute)
}

// The time of day is that of the system.
func TestLibuv_gettimeofday(t *testing.T) {
	t.Parallel()
	now, err := uv.Gettimeofday()
	assert.NoError(t, err)
	assert.WithinDuration(t, time.Now(), time.Unix(now.Sec, int64(now.Usec)*1000), time.Minute)
}

// The name of the host is that which others get.
func TestLibuv_gethostname(t *testing.T) {
	t.Parallel()
	got, err := uv.OSGethostname()
	assert.NoError(t, err)
	want, err := os.Hostname()
	assert.NoError(t, err)
	assert.Equal(t, want, got)
}

// The system is named as it names itself.
func TestLibuv_uname(t *testing.T) {
	t.Parallel()
	got, err := uv.OSUname()
	assert.NoError(t, err)
	var want syscall.Utsname
	require.NoError(t, syscall.Uname(&want))
	assert.Equal(t, uv.Utsname{
		Sysname: textOf(want.Sysname[:]), Release: textOf(want.Release[:]), Version: textOf(want.Version[:]), Machine: textOf(want.Machine[:]),
	}, got)
}

// textOf returns C's text, whose signs are of another type on each
// architecture.
func textOf[C int8 | uint8](c []C) string {
	var text []byte
	for ; c[0] != 0; c = c[1:] {
		text = append(text, byte(c[0]))
	}
	return string(text)
}

// Every priority can be set, as far as one is allowed to, and is got then. In a
// process of its own, which it leaves slow.
func TestLibuv_process_priority(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "true true\n", helperOutput(t, setsPriorities))
	_, err := uv.OSGetpriority(1 << 40)
	assert.Equal(t, uv.ESRCH, err)
}

var setsPriorities = helper("setsPriorities", func() {
	runtime.LockOSThread()
	for want := uv.PriorityHighest; want <= uv.PriorityLow; want++ {
		if err := uv.OSSetpriority(0, want); err == uv.EACCES {
			continue
		} else if err != nil {
			fmt.Println(want, err)
		}
		got, err := uv.OSGetpriority(0)
		again, err2 := uv.OSGetpriority(syscall.Gettid())
		if got != want || again != want || err != nil || err2 != nil {
			fmt.Println(want, got, err, again, err2)
		}
	}
	fmt.Println(uv.OSSetpriority(0, uv.PriorityHighest-1) == uv.EINVAL, uv.OSSetpriority(0, uv.PriorityLow+1) == uv.EINVAL)
})

// A title is the process's own, so these have helpers to change it.

// What is set is got, percent signs too. The system sees it; os.Args does not.
func TestLibuv_process_title(t *testing.T) {
	t.Parallel()
	helperPrints(t, "%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s <nil>\nnew title <nil>\nnew title\ntrue true\n", setsTitles, strings.Repeat("x", 100)) // which makes room
}

var setsTitles = helper("sets titles", func() {
	_, err := uv.ProcessTitle()
	must(err)
	for _, title := range []string{"%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s", "new title"} {
		must(uv.SetProcessTitle(title))
		fmt.Println(uv.ProcessTitle())
	}
	cmdline, err := os.ReadFile("/proc/self/cmdline")
	must(err)
	fmt.Printf("%s\n", bytes.TrimRight(cmdline, "\x00"))
	fmt.Println(uv.SetProcessTitle("a\x00b") == uv.EINVAL, os.Args[0] == helperPath())
})

// Large arguments make room for a large title, and no more than that.
func TestLibuv_process_title_big_argv(t *testing.T) {
	t.Parallel()
	jumbo := strings.Repeat("x", 511)
	helperPrints(t, "true true \n1024\n", hasBigArguments, jumbo, jumbo)
}

var hasBigArguments = helper("has big arguments", func() {
	first, err := uv.ProcessTitle()
	must(err)
	long := strings.Repeat("0123456789", 100)
	must(uv.SetProcessTitle(long))
	title, err := uv.ProcessTitle()
	must(err)
	fmt.Println(first == os.Args[0], title == long, strings.Trim(os.Args[1]+os.Args[2], "x"))
	must(uv.SetProcessTitle(strings.Repeat(long, 3)))
	title, err = uv.ProcessTitle()
	must(err)
	fmt.Println(len(title) - len(os.Args[0]))
})

// Whoever asks while others set titles gets a whole one.
func TestLibuv_process_title_threadsafe(t *testing.T) {
	t.Parallel()
	assert.Empty(t, helperOutput(t, titlesAtOnce))
}

var titlesAtOnce = helper("titles at once", func() {
	var titles []string
	for i := range 4 {
		titles = append(titles, strings.Repeat(string(rune('a'+i)), len(os.Args[0])))
	}
	must(uv.SetProcessTitle(titles[0]))
	var setters sync.WaitGroup
	for range 4 {
		setters.Go(func() {
			for range 50 {
				for _, title := range titles {
					must(uv.SetProcessTitle(title))
				}
			}
		})
	}
	done := make(chan bool)
	go func() {
		setters.Wait()
		close(done)
	}()
	for {
		title, err := uv.ProcessTitle()
		must(err)
		if !slices.Contains(titles, title) {
			panic("half a title: " + title)
		}
		select {
		case <-done:
			return
		default:
		}
	}
})
