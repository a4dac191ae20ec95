package cpm

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// client returns a client that trusts the fake registry's log key.
func (r *fakeRegistry) client(options ...Option) *Client {
	trust, err := Log(r.vkey, OpenStore(r.t.TempDir()))
	must(r.t, err)
	return r.clientWith(trust, options...)
}

func (r *fakeRegistry) clientWith(trust Trust, options ...Option) *Client {
	r.t.Helper()
	client, err := New(r.server.URL, append([]Option{WithTrust(trust), WithRetries(3, time.Millisecond)}, options...)...)
	must(r.t, err)
	return client
}

// fetch fetches into a directory, and fails the test if a refused archive left anything there.
func (r *fakeRegistry) fetch(client *Client, version string) (*Fetched, error) {
	r.t.Helper()
	directory := r.t.TempDir()
	fetched, err := client.Fetch(context.Background(), r.name, version, FetchOptions{Directory: directory})
	left, readErr := os.ReadDir(directory)
	must(r.t, readErr)
	if err != nil && len(left) > 0 {
		r.t.Errorf("a refused archive left %s", left[0].Name())
	}
	return fetched, err
}

func expectDistrust(t *testing.T, err error, code string) {
	t.Helper()
	var distrusted *TrustError
	if !errors.As(err, &distrusted) || distrusted.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestFetchVerifiesAnArchive(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	fetched, err := registry.fetch(registry.client(), "1.0.0")
	must(t, err)
	bytesOnDisk, err := os.ReadFile(fetched.Path)
	must(t, err)
	if filepath.Base(fetched.Path) != "hello-1.0.0.cpm" || !bytes.Equal(bytesOnDisk, registry.archives["1.0.0"]) {
		t.Errorf("got %s with %d bytes", fetched.Path, len(bytesOnDisk))
	}
	if fetched.PublicKey != publicHex(registry.key) || fetched.LogIndex != 1 || fetched.LogOrigin != fakeOrigin {
		t.Errorf("got %+v", fetched)
	}
}

func TestFetchMakesAndRemovesATemporaryDirectory(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	fetched, err := registry.client().Fetch(context.Background(), "hello", "latest", FetchOptions{})
	must(t, err)
	must(t, fetched.Close())
	if _, err := os.Stat(filepath.Dir(fetched.Path)); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
}

func TestFetchRefusesOtherArchives(t *testing.T) {
	changed := map[string]func([]byte) []byte{
		"a flipped bit": func(archive []byte) []byte { archive[len(archive)/2] ^= 1; return archive },
		"fewer bytes":   func(archive []byte) []byte { return archive[:len(archive)-1] },
		"more bytes":    func(archive []byte) []byte { return append(archive, 0) },
		"no bytes":      func([]byte) []byte { return nil },
	}
	for name, change := range changed {
		t.Run(name, func(t *testing.T) {
			registry := newFakeRegistry(t)
			registry.publish("1.0.0", registry.key)
			registry.archives["1.0.0"] = change(bytes.Clone(registry.archives["1.0.0"]))
			_, err := registry.fetch(registry.client(), "1.0.0")
			expectDistrust(t, err, "archive_differs")
		})
	}
}

func TestFetchReadsNoMoreThanTheLogNames(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	sent := 0
	registry.handler = func(w http.ResponseWriter, request *http.Request) bool {
		if !strings.HasSuffix(request.URL.Path, "/download") {
			return false
		}
		for block := make([]byte, 1<<20); sent < 1<<30; sent += len(block) {
			if _, err := w.Write(block); err != nil {
				break
			}
		}
		return true
	}
	_, err := registry.fetch(registry.client(), "1.0.0")
	expectDistrust(t, err, "archive_differs")
	registry.server.Close()
	if sent > 64<<20 {
		t.Errorf("%d bytes were sent before the client closed", sent)
	}
}

func TestFetchRefusesAWrongSignature(t *testing.T) {
	registry := newFakeRegistry(t)
	archive := makeArchive(map[string]string{"colony.yaml": "name: hello\nversion: 1.0.0\n"})
	registry.publishAs("1.0.0", archive, registry.key, schemeStatement, ed25519.Sign(registry.key, archive), time.Now())
	_, err := registry.fetch(registry.client(), "1.0.0")
	expectDistrust(t, err, "signature_invalid")
}

func TestFetchAcceptsTheOlderSchemesUnderTheirOwnNameOnly(t *testing.T) {
	for scheme, message := range map[string]func([]byte) []byte{
		schemeDigest:    func(archive []byte) []byte { return mustHex(hexDigest(archive)) },
		schemeDigestHex: func(archive []byte) []byte { return []byte(hexDigest(archive)) },
		schemeArchive:   func(archive []byte) []byte { return archive },
	} {
		registry := newFakeRegistry(t)
		archive := makeArchive(map[string]string{"colony.yaml": "# mine\nname: \"hello\"\nversion: 1.0.0 # first\n"})
		signature := ed25519.Sign(registry.key, message(archive))
		registry.publishAs("1.0.0", archive, registry.key, scheme, signature, time.Now())
		registry.publishAs("2.0.0", archive, registry.key, scheme, signature, time.Now())
		client := registry.client()
		if _, err := registry.fetch(client, "1.0.0"); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		_, err := registry.fetch(client, "2.0.0")
		expectDistrust(t, err, "leaf_mismatch")
	}
}

func TestFetchRefusesOtherProofs(t *testing.T) {
	other := func(r *fakeRegistry) func(string) string {
		return func(string) string {
			r.rewrite = nil
			return r.proof("2.0.0")
		}
	}
	cases := map[string]struct {
		code    string
		rewrite func(*fakeRegistry) func(string) string
	}{
		"of another version": {"leaf_mismatch", other},
		"of another index": {"not_included", func(*fakeRegistry) func(string) string {
			return func(proof string) string { return strings.Replace(proof, "\nindex 1\n", "\nindex 2\n", 1) }
		}},
		"beyond the tree": {"not_included", func(*fakeRegistry) func(string) string {
			return func(proof string) string { return strings.Replace(proof, "\nindex 1\n", "\nindex 99\n", 1) }
		}},
		"no proof": {"proof_malformed", func(*fakeRegistry) func(string) string {
			return func(string) string { return "<html>" }
		}},
		"with another root": {"checkpoint_unsigned", func(*fakeRegistry) func(string) string {
			return func(proof string) string { return strings.Replace(proof, fakeOrigin+"\n5\n", fakeOrigin+"\n6\n", 1) }
		}},
	}
	for name, each := range cases {
		t.Run(name, func(t *testing.T) {
			registry := newFakeRegistry(t)
			registry.publish("1.0.0", registry.key)
			registry.publish("2.0.0", registry.key)
			registry.rewrite = each.rewrite(registry)
			_, err := registry.fetch(registry.client(), "1.0.0")
			expectDistrust(t, err, each.code)
		})
	}
}

func TestAHistoryThatTheProofLacksIsAskedFor(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	registry.changeKey(add(second), registry.key, second)
	registry.changeKey(remove(registry.key, "superseded", "-"), second)
	registry.publish("2.0.0", second)
	registry.publish("3.0.0", registry.key)
	version := "2.0.0"
	registry.rewrite = func(proof string) string {
		lines := strings.SplitN(proof, "\n", 3)
		leaf := registry.log.leaves[registry.versions[version]]
		return lines[0] + "\nextra " + base64.StdEncoding.EncodeToString([]byte(leaf)) + "\n" + lines[2]
	}
	if _, err := registry.fetch(registry.client(), version); err != nil {
		t.Error(err)
	}
	version = "3.0.0"
	_, err := registry.fetch(registry.client(), version)
	expectDistrust(t, err, "signer_not_trusted")
	registry.handler = func(w http.ResponseWriter, request *http.Request) bool {
		if request.URL.Path == "/api/packages/hello/log" {
			answerJSON(w, map[string]any{"entries": []any{map[string]any{"index": 1, "leaf": "x", "proof": []string{}}}, "next": 1})
			return true
		}
		return false
	}
	_, err = registry.fetch(registry.client(), version)
	expectDistrust(t, err, "history_broken")
}

func TestPinnedKeysNeedNoLog(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	registry.publish("2.0.0", newKey(2))
	trust, err := Pinned(publicHex(registry.key))
	must(t, err)
	client := registry.clientWith(trust)
	if _, err := registry.fetch(client, "1.0.0"); err != nil {
		t.Error(err)
	}
	_, err = registry.fetch(client, "2.0.0")
	expectDistrust(t, err, "signer_not_trusted")
	for _, key := range []string{"", "00", smallOrder[0], strings.Repeat("f", 64)} {
		if _, err := Pinned(key); err == nil {
			t.Errorf("%q was pinned", key)
		}
	}
	if _, err := Pinned(); err == nil {
		t.Error("no key was pinned")
	}
}
