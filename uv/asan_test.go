//go:build asan

package uv_test

// AddressSanitizer marks the borders of C's stack frames and clears the marks
// when a function returns. Frames that Goexit drops never do, and what runs in
// their place later looks like a fault.
const asan = true
