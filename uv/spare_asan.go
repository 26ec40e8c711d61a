//go:build asan

package uv

// maxSpares is 0 under AddressSanitizer, which then sees who uses a struct that
// is done with.
const maxSpares = 0
