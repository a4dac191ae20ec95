package cpm

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// takePublish lets the registry accept one publish, as a real one does.
func (r *fakeRegistry) takePublish(answer func(version string)) {
	r.handler = func(w http.ResponseWriter, request *http.Request) bool {
		if request.Method != http.MethodPost {
			return false
		}
		file, _, err := request.FormFile("archive")
		if err != nil {
			panic(err)
		}
		archive, _ := io.ReadAll(file)
		signature, _ := base64.StdEncoding.DecodeString(request.FormValue("signature"))
		message := statement("hello", "1.0.0", hexDigest(archive), int64(len(archive)))
		key := mustHex(request.FormValue("publicKey"))
		if !verifyStrict(key, message, signature) || request.FormValue("signatureScheme") != schemeStatement {
			panic("the signature does not fit")
		}
		r.publishAs("1.0.0", archive, r.key, schemeStatement, signature, time.Now())
		answer("1.0.0")
		answerJSON(w, map[string]any{"name": "hello", "version": "1.0.0", "logIndex": 1, "proof": r.proof("1.0.0")})
		return true
	}
}

func writeArchive(t *testing.T, files map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "any.cpm")
	must(t, os.WriteFile(path, makeArchive(files), 0o644))
	return path
}

func TestPublishVerifiesTheProofOfTheAnswer(t *testing.T) {
	archive := writeArchive(t, map[string]string{"./colony.yaml": "name: hello\nversion: 1.0.0\n"})
	cases := map[string]struct {
		code   string
		answer func(r *fakeRegistry)
	}{
		"honest": {"", func(*fakeRegistry) {}},
		"another key": {"leaf_mismatch", func(r *fakeRegistry) {
			archive := r.archives["1.0.0"]
			message := statement("hello", "1.0.0", hexDigest(archive), int64(len(archive)))
			r.publishAs("1.0.0", archive, second, schemeStatement, ed25519.Sign(second, message), time.Now())
		}},
		"other bytes": {"leaf_mismatch", func(r *fakeRegistry) {
			archive := bytes.Clone(r.archives["1.0.0"])
			archive[0] ^= 1
			message := statement("hello", "1.0.0", hexDigest(archive), int64(len(archive)))
			r.publishAs("1.0.0", archive, r.key, schemeStatement, ed25519.Sign(r.key, message), time.Now())
		}},
		"another log":      {"checkpoint_unsigned", func(r *fakeRegistry) { signer, _ := newLogKey(r.t, fakeOrigin); r.log.signers[0] = signer }},
		"no proof":         {"proof_malformed", func(r *fakeRegistry) { r.rewrite = func(string) string { return "" } }},
		"a foreign signer": {"history_broken", func(r *fakeRegistry) { r.first = 0 }},
	}
	for name, each := range cases {
		t.Run(name, func(t *testing.T) {
			registry := newFakeRegistry(t)
			registry.takePublish(func(string) { each.answer(registry) })
			published, err := registry.client().Publish(context.Background(), archive, memorySigner{registry.key}, PublishOptions{})
			if each.code != "" {
				expectDistrust(t, err, each.code)
			} else if err != nil || published.LogIndex != 1 {
				t.Errorf("got %+v, %v", published, err)
			}
		})
	}
}

func TestPublishSendsTheWholeArchiveAgain(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.takePublish(func(string) {})
	take, tries := registry.handler, 0
	registry.handler = func(w http.ResponseWriter, request *http.Request) bool {
		if request.Method == http.MethodPost {
			if tries++; tries == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}
		}
		return take(w, request)
	}
	archive := writeArchive(t, map[string]string{"colony.yaml": "version: 1.0.0\nname: hello\n"})
	_, err := registry.client().Publish(context.Background(), archive, memorySigner{registry.key}, PublishOptions{})
	must(t, err)
	if tries != 2 {
		t.Errorf("tried %d times", tries)
	}
}

func TestArchivesThatCannotBePublished(t *testing.T) {
	directory := t.TempDir()
	text := filepath.Join(directory, "text.cpm")
	must(t, os.WriteFile(text, []byte("no archive"), 0o644))
	cases := map[string]string{
		filepath.Join(directory, "missing.cpm"): "no such file",
		text:                                    "is no package",
		writeArchive(t, map[string]string{"a/colony.yaml": "name: hello"}):                      "has no colony.yaml",
		writeArchive(t, map[string]string{"colony.yaml": "name: hello\n"}):                      "needs a name and a version",
		writeArchive(t, map[string]string{"colony.yaml": "name: a\nname: b\nversion: 1.0.0\n"}): "there twice",
		writeArchive(t, map[string]string{"colony.yaml": strings.Repeat("#", 300_000)}):         "too large",
	}
	registry := newFakeRegistry(t)
	for path, wanted := range cases {
		_, err := registry.client().Publish(context.Background(), path, memorySigner{registry.key}, PublishOptions{})
		if err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("got %v, want %s", err, wanted)
		}
	}
}

func TestWindowsArchivesGetSlashes(t *testing.T) {
	path := writeArchive(t, map[string]string{"colony.yaml": "name: hello\nversion: 1.0.0\n", `templates\a.json`: "{}", `templates\b\c.json`: "[]"})
	fetched := &Fetched{Path: path}
	rewritten, err := fetched.WithSlashes()
	must(t, err)
	names := namesIn(t, rewritten)
	if rewritten == path || names != "colony.yaml templates/a.json templates/b/c.json" {
		t.Errorf("%s has %s", rewritten, names)
	}
	plain := &Fetched{Path: rewritten}
	if again, err := plain.WithSlashes(); err != nil || again != rewritten {
		t.Errorf("rewritten again as %s: %v", again, err)
	}
}

func namesIn(t *testing.T, path string) string {
	t.Helper()
	names := map[string]bool{}
	must(t, walkArchive(path, func(header *tar.Header, content io.Reader) error {
		text, err := io.ReadAll(content)
		names[header.Name] = len(text) > 0
		return err
	}))
	return strings.Join(slices.Sorted(maps.Keys(names)), " ")
}

func TestArchivesThatLeadOutsideAreRefused(t *testing.T) {
	for _, name := range []string{`..\x`, "../x", "/x", `\x`, `a\..\..\x`, `C:\x`, "c:x"} {
		fetched := &Fetched{Path: writeArchive(t, map[string]string{name: "x"})}
		if _, err := fetched.WithSlashes(); err == nil {
			t.Errorf("%q is accepted", name)
		}
		left, err := os.ReadDir(filepath.Dir(fetched.Path))
		must(t, err)
		if len(left) != 1 {
			t.Errorf("%q left %d files", name, len(left))
		}
	}
	same := &Fetched{Path: writeArchive(t, map[string]string{`a\b`: "1", "a/b": "2"})}
	if _, err := same.WithSlashes(); err == nil || !strings.Contains(err.Error(), "two entries") {
		t.Errorf("got %v", err)
	}
}

func TestServiceHasTheMethodsOfTheCpmProgram(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	registry.handler = func(w http.ResponseWriter, request *http.Request) bool {
		if request.URL.Path != "/api/packages" {
			return false
		}
		if request.URL.Query().Get("cursor") == "" {
			fmt.Fprint(w, `{"items":[{"name":"hello","latest":"1.0.0"}],"nextCursor":"next"}`)
		} else {
			fmt.Fprint(w, `{"items":[{"name":"hello-more","latest":"0.2.0"}],"nextCursor":null}`)
		}
		return true
	}
	home := t.TempDir()
	t.Setenv("CPM_REGISTRY", registry.server.URL)
	t.Setenv("CPM_SIGNING_KEY", plainHex)
	service, err := NewService(home)
	must(t, err)
	service.output = io.Discard
	var _ interface {
		Publish(artifactPath string) error
		Fetch(packageName, version string) (string, error)
		Search(query string) ([]string, error)
	} = service
	names, err := service.Search("hello")
	must(t, err)
	if strings.Join(names, " ") != "hello-1.0.0.cpm hello-more-0.2.0.cpm" {
		t.Errorf("found %q", names)
	}
	path, err := service.Fetch("hello", "latest")
	must(t, err)
	defer os.RemoveAll(filepath.Dir(path))
	if filepath.Base(path) != "hello-1.0.0.cpm" {
		t.Errorf("fetched %s", path)
	}
	if _, err := service.Fetch("hello", "9.9.9"); !IsNotFound(err) {
		t.Errorf("got %v", err)
	}
}
