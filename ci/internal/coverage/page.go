package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// String returns the table's part of the page.
func (t *table) String() string {
	var text strings.Builder
	here, excused, outside := t.counts()
	all := here + excused + outside
	fmt.Fprintf(&text, "## %s of libuv %s\n\n", t.title, t.release)
	fmt.Fprintf(&text, "| | %s | |\n| --- | ---: | ---: |\n", t.what)
	fmt.Fprintf(&text, "| %s | %d | %s |\n", t.done, here, percent(here, all))
	fmt.Fprintf(&text, "| without a place in Go | %d | %s |\n", excused, percent(excused, all))
	fmt.Fprintf(&text, "| not what the binding is for | %d | %s |\n", outside, percent(outside, all))
	fmt.Fprintf(&text, "| all | %d | |\n\n", all)
	text.WriteString(t.reasons())
	text.WriteString("\n")
	if t.entries[0].file == "" {
		text.WriteString("| C | Go | |\n| --- | --- | --- |\n")
		for _, e := range t.entries {
			how := ""
			if e.uncalled {
				how = "without a call into C"
			}
			if e.here != "" {
				fmt.Fprintf(&text, "| `%s` | `%s` | %s |\n", e.name, e.here, how)
			}
		}
		return text.String()
	}
	text.WriteString("| libuv's file | ported | in |\n| --- | --- | --- |\n")
	for i := 0; i < len(t.entries); {
		file := t.entries[i].file
		var names []string
		in := map[string]bool{}
		for ; i < len(t.entries) && t.entries[i].file == file; i++ {
			if e := t.entries[i]; e.here != "" {
				names = append(names, "`"+e.name+"`")
				in["`"+e.here+"`"] = true
			}
		}
		if len(names) > 0 {
			fmt.Fprintf(&text, "| %s | %s | %s |\n", file, strings.Join(names, ", "), strings.Join(slices.Sorted(maps.Keys(in)), ", "))
		}
	}
	return text.String()
}
