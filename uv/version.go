package uv

// #include "../uv.h"
import "C"

// The version of libuv's headers that the program was built with. What it runs
// with is [Version].
const (
	VersionMajor     = C.UV_VERSION_MAJOR
	VersionMinor     = C.UV_VERSION_MINOR
	VersionPatch     = C.UV_VERSION_PATCH
	VersionIsRelease = C.UV_VERSION_IS_RELEASE != 0
	VersionSuffix    = C.UV_VERSION_SUFFIX
	VersionHex       = C.UV_VERSION_HEX
)

// Version returns the version of libuv that the program runs with, as VersionHex
// has it: 0x012c02 is 1.44.2.
//
// Binds uv_version.
func Version() uint { return uint(C.uv_version()) }

// VersionString returns the version of libuv that the program runs with, such
// as "1.44.2".
//
// Binds uv_version_string.
func VersionString() string { return C.GoString(C.uv_version_string()) }
