// Command folded merges CPU profiles of Go programs and prints them as folded stacks, the
// input of flame graphs: a line for each stack, outermost function first, then its
// microseconds.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/google/pprof/profile"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "folded:", err)
		os.Exit(1)
	}
}

func run(files []string) error {
	if len(files) == 0 {
		return fmt.Errorf("usage: folded PROFILE...")
	}
	var profiles []*profile.Profile
	for _, name := range files {
		parsed, err := read(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		profiles = append(profiles, parsed)
	}
	merged, err := profile.Merge(profiles)
	if err != nil {
		return err
	}
	value, err := indexOf(merged, "cpu")
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for _, sample := range merged.Sample {
		fmt.Fprintln(out, strings.Join(stack(sample), ";"), sample.Value[value]/1000)
	}
	return out.Flush()
}

func read(name string) (*profile.Profile, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return profile.Parse(file)
}

// indexOf finds the values that count nanoseconds of CPU time.
func indexOf(merged *profile.Profile, name string) (int, error) {
	for i, kind := range merged.SampleType {
		if kind.Type == name && kind.Unit == "nanoseconds" {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no CPU time in these profiles")
}

// stack names the functions of a sample, outermost first; a location may hold several,
// of which the inlined ones come first.
func stack(sample *profile.Sample) []string {
	var names []string
	for i := len(sample.Location) - 1; i >= 0; i-- {
		lines := sample.Location[i].Line
		for j := len(lines) - 1; j >= 0; j-- {
			names = append(names, strings.ReplaceAll(lines[j].Function.Name, ";", ","))
		}
	}
	return names
}
