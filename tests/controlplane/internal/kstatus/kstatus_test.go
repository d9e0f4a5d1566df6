package kstatus

import (
	"strings"
	"testing"
)

func TestPrint(t *testing.T) {
	for name, example := range map[string]struct{ object, line string }{
		"no status is ready": {
			`{"apiVersion":"x.io/v1","kind":"Tenant","metadata":{"namespace":"a","name":"b"}}`,
			"Tenant a/b Current Resource is current\n",
		},
		"the schema's default of our status is not ready": {
			`{"apiVersion":"x.io/v1","kind":"Tenant","metadata":{"namespace":"a","name":"b","generation":1},"status":{"observedGeneration":-1}}`,
			"Tenant a/b InProgress Tenant generation is 1, but latest observed generation is -1\n",
		},
		"stalled, cluster-scoped, a message of two lines": {
			`{"apiVersion":"x.io/v1","kind":"Server","metadata":{"name":"b"},"status":{"conditions":[{"type":"Stalled","status":"True","reason":"R","message":"one\ntwo"}]}}`,
			"Server b Failed one two\n",
		},
		"a list": {
			`{"apiVersion":"v1","kind":"List","items":[
				{"apiVersion":"v1","kind":"A","metadata":{"name":"a"}},
				{"apiVersion":"v1","kind":"B","metadata":{"name":"b","deletionTimestamp":"2026-01-01T00:00:00Z"}}]}`,
			"A a Current Resource is current\nB b Terminating Resource scheduled for deletion\n",
		},
		"an empty list": {`{"apiVersion":"v1","kind":"List","items":[]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := Print(strings.NewReader(example.object), &out); err != nil {
				t.Fatal(err)
			}
			if out.String() != example.line {
				t.Errorf("got  %q\nwant %q", out.String(), example.line)
			}
		})
	}
}

func TestWhatIsNoObjectIsAnError(t *testing.T) {
	for _, text := range []string{"", "{}", "[1]", "Tenant"} {
		if err := Print(strings.NewReader(text), new(strings.Builder)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}
