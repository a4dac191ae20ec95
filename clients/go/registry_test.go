package cpm

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A running registry. test/interop/go-client.test.ts starts one on each database, and says:
//
//	CPM_TEST_REGISTRY  its address
//	CPM_TEST_TOKEN     an API token of an account without keys
//	CPM_TEST_HOME      a directory that several runs share
//	CPM_TEST_ROTATED   a package whose versions 1.0.0 and 1.1.0 different keys signed
//	CPM_TEST_PLANTED   a package whose version 2.0.0 a key signed that is only in the database
func realRegistry(t *testing.T) (*Client, string) {
	t.Helper()
	address := os.Getenv("CPM_TEST_REGISTRY")
	if address == "" {
		t.Skip("CPM_TEST_REGISTRY does not name a registry")
	}
	home := os.Getenv("CPM_TEST_HOME")
	client, err := New(address, WithToken(os.Getenv("CPM_TEST_TOKEN")), WithTrust(FirstUse(OpenStore(home))))
	must(t, err)
	return client, home
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestARealRegistryTakesAndGivesAPackage(t *testing.T) {
	client, home := realRegistry(t)
	ctx := testContext(t)
	signer := keptSigner(t, home)
	name := "go-" + strings.ToLower(time.Now().UTC().Format("150405.000000"))
	name = strings.ReplaceAll(name, ".", "-")
	files := map[string]string{"colony.yaml": "name: " + name + "\nversion: 1.0.0\ndescription: from Go\ntags: [go-test]\n", "values.yaml": "a: 1\n"}
	archive := writeArchive(t, files)
	checked, err := client.Publish(ctx, archive, signer, PublishOptions{DryRun: true})
	must(t, err)
	if _, err := client.Package(ctx, name); checked.Name != name || !IsNotFound(err) {
		t.Fatalf("a dry run published %+v, %v", checked, err)
	}
	published, err := client.Publish(ctx, archive, signer, PublishOptions{})
	must(t, err)
	again, err := client.Publish(ctx, archive, signer, PublishOptions{})
	must(t, err)
	if again.LogIndex != published.LogIndex {
		t.Errorf("published at %d and %d", published.LogIndex, again.LogIndex)
	}
	files["values.yaml"] = "a: 2\n"
	if _, err := client.Publish(ctx, writeArchive(t, files), signer, PublishOptions{}); !IsConflict(err) {
		t.Errorf("other bytes of the same version: %v", err)
	}
	files["colony.yaml"] = strings.Replace(files["colony.yaml"], "1.0.0", "0.9.0", 1)
	if _, err := client.Publish(ctx, writeArchive(t, files), signer, PublishOptions{}); err != nil {
		t.Errorf("a second version: %v", err)
	}
	fetched, err := client.Fetch(ctx, name, "latest", FetchOptions{})
	must(t, err)
	defer fetched.Close()
	if fetched.Version != "1.0.0" || fetched.PublicKey != keyText(signer) || fetched.LogIndex != published.LogIndex {
		t.Errorf("fetched %+v", fetched)
	}
	found := 0
	for summary, err := range client.Search(ctx, Query{Text: name, Tags: []string{"go-test"}}) {
		must(t, err)
		if summary.Name == name && summary.Latest == "1.0.0" {
			found++
		}
	}
	described, err := client.Package(ctx, name)
	must(t, err)
	if found != 1 || len(described.Versions) != 2 || described.Versions[0].Signature.PublicKey != keyText(signer) {
		t.Errorf("found %d times, %+v", found, described)
	}
	if _, err := client.Fetch(ctx, name, "9.9.9", FetchOptions{}); !IsNotFound(err) {
		t.Errorf("a missing version: %v", err)
	}
}

// keptSigner returns the same key in each run: an account with a key signs with it only.
func keptSigner(t *testing.T, home string) Signer {
	t.Helper()
	path := filepath.Join(home, "keys", "default.pem")
	if _, err := os.Stat(path); os.IsNotExist(err) {
		_, key, err := ed25519.GenerateKey(nil)
		must(t, err)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(hex.EncodeToString(key.Seed())), 0o600))
	}
	signer, err := (&Config{Home: home}).Signer()
	must(t, err)
	return signer
}

func TestARealRegistryWithAnotherSigner(t *testing.T) {
	client, _ := realRegistry(t)
	archive := writeArchive(t, map[string]string{"colony.yaml": "name: " + os.Getenv("CPM_TEST_ROTATED") + "\nversion: 9.0.0\n"})
	_, err := client.Publish(testContext(t), archive, memorySigner{newKey(9)}, PublishOptions{})
	problem, ok := err.(*Problem)
	if !ok || problem.Status != 403 || problem.RequestID == "" {
		t.Errorf("got %v", err)
	}
}

func TestARealKeyHistoryIsReplayed(t *testing.T) {
	client, _ := realRegistry(t)
	name := os.Getenv("CPM_TEST_ROTATED")
	keys := map[string]bool{}
	for _, version := range []string{"1.0.0", "1.1.0"} {
		fetched, err := client.Fetch(testContext(t), name, version, FetchOptions{Directory: t.TempDir()})
		must(t, err)
		keys[fetched.PublicKey] = true
	}
	if len(keys) != 2 {
		t.Errorf("signed by %v", keys)
	}
}

func TestAKeyInTheDatabaseAloneSignsNothing(t *testing.T) {
	client, _ := realRegistry(t)
	_, err := client.Fetch(testContext(t), os.Getenv("CPM_TEST_PLANTED"), "2.0.0", FetchOptions{Directory: t.TempDir()})
	expectDistrust(t, err, "signer_not_trusted")
}

// The other program's files: CPM_TEST_SHARED_HOME has what cpm-registry wrote there for the
// registry work, and CPM_TEST_SHARED_KEY is the public half of its key default, whose passphrase is
// "secret".
func TestTheFilesOfCpmRegistryAreRead(t *testing.T) {
	home := os.Getenv("CPM_TEST_SHARED_HOME")
	if home == "" {
		t.Skip("CPM_TEST_SHARED_HOME does not name a directory")
	}
	t.Setenv("CPM_REGISTRY", "")
	t.Setenv("CPM_API_TOKEN", "")
	t.Setenv("CPM_SIGNING_KEY", "")
	t.Setenv("CPM_SIGNING_KEY_PASSPHRASE", "secret")
	config, err := LoadConfig(home)
	must(t, err)
	signer, err := config.Signer()
	must(t, err)
	if config.Registry != "https://cpm.example.org:8443/registry" || config.Token != "cpm_shared" || config.LogKey == "" {
		t.Errorf("read %+v", config)
	}
	if keyText(signer) != os.Getenv("CPM_TEST_SHARED_KEY") {
		t.Errorf("the key is %s", keyText(signer))
	}
	if _, err := Log(config.LogKey, OpenStore(home)); err != nil {
		t.Error(err)
	}
}
