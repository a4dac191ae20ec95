package cpm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A registry that lies as a test wants. It shares the formats with the client, and builds the log
// with sumdb/tlog.

const fakeOrigin = "registry.test/log"

// A fakeRegistry serves one package.
type fakeRegistry struct {
	t        *testing.T
	log      *fakeLog
	vkey     string
	name     string
	archives map[string][]byte
	// versions has the index of each version's leaf, keyLeaves those of the key changes.
	versions  map[string]int64
	first     int64
	keyLeaves []int64
	previous  string
	changes   []givenChange
	// proofSize is the size of the tree that proofs are of; 0 means all leaves.
	proofSize int64
	// rewrite changes a proof before it is sent.
	rewrite func(proof string) string
	// handler may answer instead. It returns false to leave it to the registry.
	handler func(http.ResponseWriter, *http.Request) bool
	server  *httptest.Server
	key     ed25519.PrivateKey
}

func newFakeRegistry(t *testing.T) *fakeRegistry {
	t.Helper()
	signer, vkey := newLogKey(t, fakeOrigin)
	registry := &fakeRegistry{t: t, log: &fakeLog{origin: fakeOrigin, signers: []note.Signer{signer}}, vkey: vkey, name: "hello",
		archives: map[string][]byte{}, versions: map[string]int64{}, key: newKey(1)}
	registry.log.add("cpm.version/v1 other 1.0.0\n")
	registry.server = httptest.NewServer(registry)
	t.Cleanup(registry.server.Close)
	return registry
}

func newKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func publicHex(key ed25519.PrivateKey) string {
	return hex.EncodeToString(key.Public().(ed25519.PublicKey))
}

// publish signs with cpm-v1, and adds the archive and its leaf.
func (r *fakeRegistry) publish(version string, key ed25519.PrivateKey) {
	r.publishAt(version, key, time.Now())
}

func (r *fakeRegistry) publishAt(version string, key ed25519.PrivateKey, at time.Time) {
	archive := makeArchive(map[string]string{"colony.yaml": "name: " + r.name + "\nversion: " + version + "\n"})
	message := statement(r.name, version, hexDigest(archive), int64(len(archive)))
	r.publishAs(version, archive, key, schemeStatement, ed25519.Sign(key, message), at)
}

func (r *fakeRegistry) publishAs(version string, archive []byte, key ed25519.PrivateKey, scheme string, signature []byte, at time.Time) {
	text := fmt.Sprintf("cpm.version/v1 %s %s\nsha256 %s\nsize %d\nsigner ed25519 %s\nsignature %s %s\npublished %s\n",
		r.name, version, hexDigest(archive), len(archive), publicHex(key), scheme,
		base64.StdEncoding.EncodeToString(signature), at.UTC().Format(leafTime))
	index := r.log.add(text)
	r.log.add("cpm.version/v1 another 1.0.0\n")
	if len(r.versions) == 0 {
		r.first, r.previous = index, hexDigest([]byte(text))
	}
	r.versions[version], r.archives[version] = index, archive
}

// changeKey adds a key leaf that the keys sign.
func (r *fakeRegistry) changeKey(change keyLeaf, signers ...ed25519.PrivateKey) {
	change.name, change.previous = r.name, r.previous
	change.seq = int64(len(r.keyLeaves)) + 1
	if change.at.IsZero() {
		change.at = time.Now()
	}
	change.at = change.at.UTC()
	if change.by == "" {
		change.by = "alice"
	}
	for _, signer := range signers {
		change.signatures = append(change.signatures, ed25519.Sign(signer, change.statement(r.log.origin)))
	}
	text := keyLeafText(change)
	r.keyLeaves = append(r.keyLeaves, r.log.add(text))
	r.previous = hexDigest([]byte(text))
}

func keyLeafText(k keyLeaf) string {
	text := fmt.Sprintf("cpm.key/v2 %s %d %s %s\nby %s\nprevious %s\nat %s\n", k.name, k.seq, k.action, k.key, k.by, k.previous, k.at.Format(leafTime))
	if k.reason != "" {
		text += fmt.Sprintf("reason %s\nsince %s\n", k.reason, k.since)
	}
	var encoded []string
	for _, signature := range k.signatures {
		encoded = append(encoded, base64.StdEncoding.EncodeToString(signature))
	}
	if encoded == nil {
		encoded = []string{"-"}
	}
	return text + "signatures " + strings.Join(encoded, " ") + "\n"
}

func (r *fakeRegistry) proof(version string) string {
	size := r.proofSize
	if size == 0 {
		size = int64(len(r.log.leaves))
	}
	index := r.versions[version]
	extra := r.log.leaves[index] + "\ncpm.history/v1"
	needed := r.keyLeaves
	if r.first != index {
		needed = append([]int64{r.first}, needed...)
	}
	for _, each := range needed {
		lines := []string{"leaf " + base64.StdEncoding.EncodeToString([]byte(r.log.leaves[each])), fmt.Sprintf("index %d", each)}
		extra += "\n\n" + strings.Join(append(lines, r.log.path(each, size)...), "\n")
	}
	lines := []string{proofHeader, "extra " + base64.StdEncoding.EncodeToString([]byte(extra+"\n")), fmt.Sprintf("index %d", index)}
	text := strings.Join(append(lines, r.log.path(index, size)...), "\n") + "\n\n" + r.log.checkpoint(size, r.log.signers...)
	if r.rewrite != nil {
		return r.rewrite(text)
	}
	return text
}

func (r *fakeRegistry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if r.handler != nil && r.handler(w, request) {
		return
	}
	rest, isVersion := strings.CutPrefix(request.URL.Path, "/api/packages/"+r.name+"/")
	version, part, _ := strings.Cut(rest, "/")
	if version == "latest" {
		version = "1.0.0"
	}
	archive, found := r.archives[version]
	switch {
	case request.URL.Path == "/log/vkey":
		fmt.Fprintln(w, r.vkey)
	case request.URL.Path == "/api/log/changes":
		answerJSON(w, map[string]any{"changes": r.changes})
	case request.URL.Path == "/api/log/consistency":
		var from, to int64
		fmt.Sscan(request.URL.Query().Get("from")+" "+request.URL.Query().Get("to"), &from, &to)
		shown, err := tlog.ProveTree(to, from, r.log.reader())
		if err != nil {
			panic(err)
		}
		answerJSON(w, map[string]any{"proof": texts(shown)})
	case isVersion && version == "log":
		r.answerHistory(w, request)
	case !isVersion || !found:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"code":"version_not_found","detail":"no such version","requestId":"r1"}`)
	case part == "proof":
		fmt.Fprint(w, r.proof(version))
	case part == "download":
		w.Header().Set("ETag", `"`+hexDigest(archive)+`"`)
		http.ServeContent(w, request, "", time.Time{}, bytes.NewReader(archive))
	default:
		answerJSON(w, map[string]any{"name": r.name, "version": version})
	}
}

// answerHistory answers one leaf a page.
func (r *fakeRegistry) answerHistory(w http.ResponseWriter, request *http.Request) {
	size, after := int64(0), int64(-1)
	_, _ = fmt.Sscan(request.URL.Query().Get("size"), &size)
	_, _ = fmt.Sscan(request.URL.Query().Get("after"), &after)
	for _, index := range append([]int64{r.first}, r.keyLeaves...) {
		if index <= after {
			continue
		}
		entry := map[string]any{"index": index, "leaf": r.log.leaves[index], "proof": r.log.path(index, size)}
		answerJSON(w, map[string]any{"entries": []any{entry}, "next": index})
		return
	}
	answerJSON(w, map[string]any{"entries": []any{}, "next": nil})
}

func answerJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func makeArchive(files map[string]string) []byte {
	var buffer bytes.Buffer
	zipped := gzip.NewWriter(&buffer)
	entries := tar.NewWriter(zipped)
	for name, content := range files {
		_ = entries.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))})
		_, _ = entries.Write([]byte(content))
	}
	_ = entries.Close()
	_ = zipped.Close()
	return buffer.Bytes()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustHex(text string) []byte {
	decoded, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return decoded
}
