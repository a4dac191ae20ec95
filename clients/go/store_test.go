package cpm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestProcessesThatRememberTakeTurns(t *testing.T) {
	directory := t.TempDir()
	var group sync.WaitGroup
	for each := range 20 {
		group.Go(func() {
			seen := seenKeys{First: hexDigest(nil), Last: hexDigest(nil), SeenAt: time.Now().UTC().Format(seenTime)}
			if err := OpenStore(directory).saveKeys(fakeOrigin, fmt.Sprintf("package-%d", each), seen); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	known, err := OpenStore(directory).readKeys()
	must(t, err)
	if len(known[fakeOrigin]) != 20 {
		t.Errorf("%d of 20 packages are remembered", len(known[fakeOrigin]))
	}
	left, err := filepath.Glob(filepath.Join(directory, "*.lock"))
	must(t, err)
	if len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

func TestMoreThatWasSeenIsKept(t *testing.T) {
	store := OpenStore(t.TempDir())
	digest := hexDigest(nil)
	for _, seq := range []int64{2, 1} {
		must(t, store.saveKeys(fakeOrigin, "hello", seenKeys{First: digest, Seq: seq, Last: digest, SeenAt: "2026-01-02T03:04:05.678Z"}))
	}
	seen, err := store.keys(fakeOrigin, "hello")
	must(t, err)
	if seen.Seq != 2 {
		t.Errorf("%d key changes are remembered", seen.Seq)
	}
}

// cpm-registry writes the same names (src/verify/seen-logs.ts).
func TestFileNamesOfOrigins(t *testing.T) {
	long := strings.Repeat("a", 151)
	for origin, name := range map[string]string{
		"registry.test/log":     "registry.test%2Flog.json",
		"registry-x.test":       "%72egistry-x.test.json",
		"http://[::1]:5000/*~'": "http%3A%2F%2F%5B%3A%3A1%5D%3A5000%2F%2A~'.json",
		"å b":                   "%C3%A5%20b.json",
		long:                    "%sha256-" + hexDigest([]byte(long)) + ".json",
	} {
		if got := filepath.Base(OpenStore("").logPath(origin)); got != name {
			t.Errorf("%s has the file %s, want %s", origin, got, name)
		}
	}
}

func TestConfiguration(t *testing.T) {
	const file = `# mine
registry: "work"   # the default
color: auto
other:
  - a: list
registries:
  work:
    url: https://cpm.example.org/registry
    key: cpm.example.org/log+11111111+AZ
    cafile: '/etc/it''s.pem'
  home:
    url: localhost:5000
`
	for given, wanted := range map[string]Config{
		"":                    {Registry: "https://cpm.example.org/registry", LogKey: "cpm.example.org/log+11111111+AZ", CAFile: "/etc/it's.pem", Token: "cpm_work"},
		"home":                {Registry: "http://localhost:5000"},
		"cpm.example.com":     {Registry: "https://cpm.example.com"},
		"https://example.net": {Registry: "https://example.net"},
	} {
		config, err := loadFor(t, file, `{"https://cpm.example.org":{"token":"cpm_work","username":"alice"}}`, given)
		must(t, err)
		config.Home, wanted.signingKey = "", ""
		if *config != wanted {
			t.Errorf("%q gives %+v", given, *config)
		}
	}
}

func loadFor(t *testing.T, file, credentials, registry string) (*Config, error) {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{"CPM_API_TOKEN", "CPM_SIGNING_KEY", "CPM_SIGNING_KEY_PASSPHRASE"} {
		t.Setenv(name, "")
	}
	t.Setenv("CPM_REGISTRY", registry)
	must(t, os.WriteFile(filepath.Join(home, "config"), []byte(file), 0o644))
	must(t, os.WriteFile(filepath.Join(home, "credentials.json"), []byte(credentials), 0o600))
	return LoadConfig(home)
}

func TestConfigurationsThatCannotBeRead(t *testing.T) {
	for file, wanted := range map[string]string{
		"":                                 "no registry is known",
		"registry: a\nregistry: b":         "there twice",
		"registry: [a]":                    "line 1",
		"registry: \"a":                    "do not end",
		"registry: a\nregistries: {a: {}}": "as a block",
		"registry: a\nregistries:\n  a: {url: b}":      "as a block",
		"registry: a\nregistries:\n  - url: b":         "as a block",
		"registry: a\nregistries:\n  a:\n    url: |\n": "line 4",
	} {
		_, err := loadFor(t, file, "{}", "")
		if err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%q: %v", file, err)
		}
	}
	if _, err := loadFor(t, "registry: a.example", "{", ""); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v", err)
	}
}

func TestCredentialsThatOthersCanReadAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials.json")
	must(t, os.WriteFile(path, []byte(`{}`), 0o644))
	if _, err := readToken(path, "https://cpm.example.org"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("got %v", err)
	}
}

func TestATokenInTheKeychainIsNamedAsSuch(t *testing.T) {
	stored := `{"https://a.example": {"username": "ada", "keychain": true}}`
	if _, err := loadFor(t, "registry: a.example", stored, ""); err == nil || !strings.Contains(err.Error(), "CPM_API_TOKEN") {
		t.Errorf("got %v", err)
	}
}

func TestTheSigningKeyIsFound(t *testing.T) {
	home := t.TempDir()
	keys := filepath.Join(home, "keys")
	must(t, os.MkdirAll(keys, 0o700))
	config := &Config{Home: home}
	signs := func(wanted string) {
		t.Helper()
		signer, err := config.Signer()
		if wanted == "" && err != nil {
			return
		}
		if err != nil || keyText(signer) != wanted {
			t.Errorf("got %v, %v", signer, err)
		}
	}
	signs("")
	for at, name := range []string{"one.pem", "two.pem", "default.pem"} {
		seed := fmt.Sprintf("%064x", at+1)
		must(t, os.WriteFile(filepath.Join(keys, name), []byte(seed), 0o600))
		signer, err := ParseKey([]byte(seed), nil)
		must(t, err)
		signs([]string{keyText(signer), "", keyText(signer)}[at])
	}
	for _, given := range []string{plainPEM, plainHex + "\n"} {
		config.signingKey = given
		signs(plainPublic)
	}
	config.signingKey = filepath.Join(keys, "missing.pem")
	signs("")
}
