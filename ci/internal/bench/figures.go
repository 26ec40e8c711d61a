//go:build linux

package main

import (
	"fmt"
	"math"
	"slices"
)

// figures are what was measured: of a job, in a cell, of a program, by name, one
// figure a round.
type figures map[figure]series

type figure struct{ job, cell, program, name string }

// series has a figure for each round, NaN where the program had no turn. A
// figure and its neighbour in another series were measured right after each
// other.
type series []float64

func (s series) over(other series) series {
	ratios := make(series, min(len(s), len(other)))
	for i := range ratios {
		ratios[i] = s[i] / other[i]
	}
	return ratios
}

func (s series) minus(other series) series {
	differences := make(series, min(len(s), len(other)))
	for i := range differences {
		differences[i] = s[i] - other[i]
	}
	return differences
}

// quantile returns the figure below which the part q of the series lies, NaN
// where there is none.
func (s series) quantile(q float64) float64 {
	sorted := slices.DeleteFunc(slices.Clone(s), math.IsNaN)
	if len(sorted) == 0 {
		return math.NaN()
	}
	slices.Sort(sorted)
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

func (s series) median() float64 { return s.quantile(0.5) }

func (s series) missing() bool { return math.IsNaN(s.median()) }

// format writes the median and, in brackets, the quartiles.
func (s series) format(verb string) string {
	if s.missing() {
		return "–"
	}
	low, middle, high := fmt.Sprintf(verb, s.quantile(0.25)), fmt.Sprintf(verb, s.median()), fmt.Sprintf(verb, s.quantile(0.75))
	if low == high {
		return middle
	}
	return fmt.Sprintf("%s (%s–%s)", middle, low, high)
}

// short writes the median alone.
func (s series) short(verb string) string {
	if s.missing() {
		return "–"
	}
	return fmt.Sprintf(verb, s.median())
}

// thousands writes the median with a comma for each thousand.
func (s series) thousands() string {
	if s.missing() {
		return "–"
	}
	digits := fmt.Sprintf("%.0f", s.median())
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
