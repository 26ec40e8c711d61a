package libuv_test

import (
	"bytes"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pages returns the project's prose, by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, path := range paths {
			pages[path] = read(t, path)
		}
	}
	require.Contains(t, pages, "README.md")
	return pages
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// blocks returns a page's code blocks in a language.
func blocks(page, language string) []string {
	var found []string
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		if m[1] == language {
			found = append(found, m[2])
		}
	}
	return found
}

func isProgram(code string) bool { return strings.Contains("\n"+code, "\npackage main\n") }

func TestReadmeShowsTheSpawnProgram(t *testing.T) {
	blocks := blocks(read(t, "README.md"), "go")
	require.NotEmpty(t, blocks)
	assert.Equal(t, read(t, "examples/spawn/main.go"), blocks[0])
}

// Every program in the prose is one of the examples, or it is built here; what
// is less than a program is Go at least.
func TestGoInTheProse(t *testing.T) {
	examples := map[string]bool{}
	for _, pattern := range []string{"examples/*/*.go", "examples/*/*/*.go"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, path := range paths {
			examples[read(t, path)] = true
		}
	}
	for path, page := range pages(t) {
		for _, code := range blocks(page, "go") {
			formatted, err := format.Source([]byte(code))
			if assert.NoError(t, err, "%s:\n%s", path, code) {
				assert.Equal(t, string(formatted), code, "%s: gofmt has something to say", path)
			}
			if isProgram(code) && !examples[code] {
				buildGo(t, code)
			}
		}
	}
}

// buildGo builds a program from the prose and returns the path of what came out.
func buildGo(t *testing.T, code string) string {
	t.Helper()
	_, err := parser.ParseFile(token.NewFileSet(), "main.go", code, 0)
	require.NoError(t, err)
	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "go-program")
	require.NoError(t, os.WriteFile(source, []byte(code), 0o644))
	require.NoError(t, command("go", "vet", source))
	require.NoError(t, command("go", "build", "-o", program, source))
	return program
}

// command runs a command; the error has what it said.
func command(name string, args ...string) error {
	var said bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return &failure{cmd, err, said.String()}
	}
	return nil
}

type failure struct {
	cmd  *exec.Cmd
	err  error
	said string
}

func (f *failure) Error() string { return f.cmd.String() + ": " + f.err.Error() + "\n" + f.said }

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notID   = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// anchors returns what a page's headings can be linked by.
func anchors(page string) map[string]bool {
	found := map[string]bool{"": true}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		id := notID.ReplaceAllString(strings.ToLower(m[1]), "")
		found[strings.ReplaceAll(id, " ", "-")] = true
	}
	return found
}

func TestLinksInTheProse(t *testing.T) {
	pages := pages(t)
	for path, page := range pages {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			target, anchor, _ := strings.Cut(m[1], "#")
			file := path
			if target != "" {
				file = filepath.Join(filepath.Dir(path), target)
				assert.FileExists(t, file, "%s links to it", path)
			}
			if anchor != "" {
				assert.Contains(t, anchors(pages[file]), anchor, "%s links to %s", path, m[1])
			}
		}
	}
}
