package uv

import (
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSlots_AddGetRemove(t *testing.T) {
	t.Parallel()
	var s slots[int]
	a, b := new(int), new(int)

	idA, idB := s.add(a), s.add(b)

	assert.NotZero(t, idA)
	assert.NotZero(t, idB)
	assert.NotEqual(t, idA, idB)
	assert.Same(t, a, s.get(idA))
	assert.Same(t, b, s.get(idB))
	assert.True(t, s.holds(idA, a))
	assert.False(t, s.holds(idA, b), "a slot is one value's")
	assert.False(t, s.holds(0, a), "0 is no id")

	s.remove(idA)

	assert.False(t, s.holds(idA, a))
	assert.Same(t, b, s.get(idB))
}

func TestSlots_ReuseChangesTheID(t *testing.T) {
	t.Parallel()
	var s slots[int]
	value := new(int)

	stale := s.add(value)
	s.remove(stale)
	id := s.add(value)

	assert.Equal(t, stale&indexMask, id&indexMask, "the slot is used again")
	assert.NotEqual(t, stale, id)
	assert.True(t, s.holds(id, value))
	assert.False(t, s.holds(stale, value))
	assert.PanicsWithValue(t, "uv: libuv called back with a stale id 0x100000000", func() { s.get(stale) })
}

func TestSlots_GetOfRemovedPanics(t *testing.T) {
	t.Parallel()
	var s slots[int]
	id := s.add(new(int))
	s.remove(id)
	assert.Panics(t, func() { s.get(id) })
}

func TestSlots_GenerationWrapsAround(t *testing.T) {
	t.Parallel()
	var s slots[int]
	value := new(int)
	first := s.add(value)
	s.remove(first)
	s.at(0).generation = math.MaxUint32

	id := s.add(value)

	assert.Equal(t, first, id, "generation 0 is skipped, so that no id is 0")
	assert.Same(t, value, s.get(id))
}

func TestSlots_GrowsByChunks(t *testing.T) {
	t.Parallel()
	const n = 3*chunkSize + 1
	var s slots[int]
	values, ids := make([]int, n), make([]uintptr, n)
	for i := range values {
		ids[i] = s.add(&values[i])
	}
	require.Len(t, *s.chunks.Load(), 4)
	for i := range values {
		require.Same(t, &values[i], s.get(ids[i]))
	}
	for _, id := range ids {
		s.remove(id)
	}
	for i := range values {
		ids[i] = s.add(&values[i])
	}
	require.Len(t, *s.chunks.Load(), 4, "freed slots are used first")
	for i := range values {
		require.Same(t, &values[i], s.get(ids[i]))
	}
}

func TestSlots_Concurrent(t *testing.T) {
	t.Parallel()
	const goroutines, rounds, held = 8, 50, 100
	var s slots[int]
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			values, ids := make([]int, held), make([]uintptr, held)
			for range rounds {
				for i := range values {
					ids[i] = s.add(&values[i])
				}
				for i := range values {
					if s.get(ids[i]) != &values[i] || !s.holds(ids[i], &values[i]) {
						assert.Fail(t, "the slot of another goroutine")
						return
					}
				}
				for _, id := range ids {
					s.remove(id)
				}
			}
		})
	}
	wg.Wait()

	require.Len(t, s.free, int(s.next), "every slot is free again")
	require.LessOrEqual(t, int(s.next), goroutines*held)
	indexes := map[uint32]bool{}
	for _, index := range s.free {
		indexes[index] = true
		assert.Nil(t, s.at(index).value)
	}
	assert.Len(t, indexes, int(s.next), "none is free twice")
}
