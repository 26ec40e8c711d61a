package uv_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"libuv/uv"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	v := uv.Version()
	numbers := fmt.Sprintf("%d.%d.%d", v>>16, v>>8&0xff, v&0xff)
	assert.True(t, strings.HasPrefix(uv.VersionString(), numbers), "%s is not %s", uv.VersionString(), numbers)
	assert.GreaterOrEqual(t, v, uint(0x012c02), "the floor")
}

func TestVersion_OfTheHeaders(t *testing.T) {
	t.Parallel()
	assert.Equal(t, uv.VersionMajor<<16|uv.VersionMinor<<8|uv.VersionPatch, uv.VersionHex)
	assert.GreaterOrEqual(t, uv.Version()>>8, uint(uv.VersionHex>>8), "runs with what it was built with, or newer")
	assert.Equal(t, uv.VersionIsRelease, uv.VersionSuffix == "")
}
