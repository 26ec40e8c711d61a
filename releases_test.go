package libuv_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	testName = regexp.MustCompile("`(Test\\w+)`")
)

// Every row of the page on libuv's releases has tests, which exist, or says that
// there is none.
func TestReleasesNamesTestsThatExist(t *testing.T) {
	tests := map[string]bool{}
	paths, err := filepath.Glob("uv/*_test.go")
	require.NoError(t, err)
	for _, path := range paths {
		for _, m := range testFunc.FindAllStringSubmatch(read(t, path), -1) {
			tests[m[1]] = true
		}
	}
	require.NotEmpty(t, tests)

	facts := 0
	for _, row := range rows(read(t, "docs/releases.md")) {
		if !assert.Len(t, row, 4, "%s", row) || strings.Trim(row[0], " -") == "" || strings.TrimSpace(row[3]) == "tests" {
			continue // a table's head
		}
		facts++
		named := testName.FindAllStringSubmatch(row[3], -1)
		assert.True(t, len(named) > 0 || strings.TrimSpace(row[3]) == "none", "no test is named for %s", row[0])
		for _, m := range named {
			assert.True(t, tests[m[1]], "there is no %s", m[1])
		}
	}
	assert.Greater(t, facts, 15)
}
