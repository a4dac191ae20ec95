package cpm

import (
	"strings"
	"testing"
)

func FuzzParseProof(f *testing.F) {
	registry := newFakeRegistry(&testing.T{})
	defer registry.server.Close()
	registry.publish("1.0.0", registry.key)
	registry.changeKey(add(second), registry.key, second)
	f.Add(registry.proof("1.0.0"))
	f.Add("c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n")
	tree := checkpoint{origin: fakeOrigin, size: int64(len(registry.log.leaves)), root: registry.log.root(int64(len(registry.log.leaves)))}
	logged := map[string]bool{}
	for _, text := range registry.log.leaves {
		logged[text] = true
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, ok := parseProof(text)
		if !ok {
			return
		}
		for _, each := range append(read.history, read.provedLeaf) {
			if each.isIn(tree) && !logged[each.text] {
				t.Fatalf("a leaf that is not in the log is proved: %q", each.text)
			}
		}
	})
}

func FuzzParseLeaf(f *testing.F) {
	f.Add("cpm.version/v1 hello 1.0.0\nsha256 " + hexDigest(nil) + "\nsize 1\nsigner ed25519 " + hexDigest(nil) +
		"\nsignature cpm-v1 " + strings.Repeat("A", 86) + "==\npublished 2026-01-02T03:04:05Z\n")
	f.Add(keyLeafText(keyLeaf{name: "hello", seq: 1, action: "cancel", key: hexDigest(nil), by: "alice", previous: hexDigest(nil)}))
	f.Fuzz(func(t *testing.T, text string) {
		read, ok := parseLeaf(text)
		if !ok {
			return
		}
		if read.key != nil && keyLeafText(*read.key) != text {
			t.Fatalf("a second spelling: %q", text)
		}
		if strings.ContainsAny(read.packageName(), " \n") {
			t.Fatalf("a name with spaces: %q", text)
		}
	})
}

func FuzzConfiguration(f *testing.F) {
	f.Add("registry: a\nregistries:\n  a:\n    url: \"b\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		registry, registries, err := parseConfig(text)
		if err != nil {
			return
		}
		for _, value := range []string{registry, registries[registry]["url"]} {
			isQuoted := strings.ContainsAny(text, `"'`)
			if value != "" && !isQuoted && !strings.Contains(text, value) {
				t.Fatalf("%q gives %q, which it does not contain", text, value)
			}
		}
	})
}
