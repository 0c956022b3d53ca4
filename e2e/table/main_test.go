package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		ok   bool
		want []string
	}{
		"passes": {`{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA/WAL/one","Output":"    a_test.go:1: FIGURE 3 ms\n"}
{"Action":"pass","Package":"p","Test":"TestA/WAL/one","Elapsed":0.5}
{"Action":"skip","Package":"p","Test":"TestA/WAL/two","Elapsed":0}
{"Action":"pass","Package":"p","Test":"TestA/WAL","Elapsed":0.5}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.6}
{"Action":"pass","Package":"p","Test":"TestB","Elapsed":1}
{"Action":"pass","Package":"p","Elapsed":2}`, true, []string{"- 3 ms", "2 passed, 0 failed, 1 skipped"}},
		"fails in a subtest": {`{"Action":"output","Package":"p","Test":"TestA/WAL","Output":"    a_test.go:7: it is wrong\n"}
{"Action":"output","Package":"p","Test":"TestA/DELETE","Output":"    a_test.go:8: it is well\n"}
{"Action":"fail","Package":"p","Test":"TestA/WAL","Elapsed":1}
{"Action":"pass","Package":"p","Test":"TestA/DELETE","Elapsed":1}
{"Action":"fail","Package":"p","Test":"TestA","Elapsed":1}
{"Action":"fail","Package":"p","Elapsed":1}`, false,
			[]string{"1 passed, 1 failed, 0 skipped\n- failed: TestA/WAL: a_test.go:7: it is wrong\n"}},
		"fails": {`{"Action":"output","Package":"p","Test":"TestA","Output":"it is wrong\n"}
{"Action":"fail","Package":"p","Test":"TestA","Elapsed":1}
{"Action":"fail","Package":"p","Elapsed":1}`, false, []string{"it is wrong", "0 passed, 1 failed, 0 skipped"}},
		"after the tests": {`{"Action":"pass","Package":"p","Test":"TestA","Elapsed":1}
{"Action":"output","Package":"p","Output":"a mount is left\n"}
{"Action":"fail","Package":"p","Elapsed":1}`, false, []string{"a mount is left"}},
		"does not compile": {"./a.go:1: syntax error\n{\"Action\":\"build-fail\"}", false, []string{"syntax error"}},
		"nothing ran":      {`{"Action":"pass","Package":"p","Elapsed":0}`, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			ok, err := run(strings.NewReader(c.in), &out)
			if ok != c.ok || err != nil {
				t.Errorf("ok %t, %v; want %t", ok, err, c.ok)
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in:\n%s", want, out.String())
				}
			}
		})
	}
}
