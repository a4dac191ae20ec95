package cpm

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os"
	"testing"
)

// The statements that TypeScript and Go share (test/unit/statements.test.ts reads the same file).
func TestGoldenStatements(t *testing.T) {
	text, err := os.ReadFile("../../test/golden/statements.json")
	if os.IsNotExist(err) {
		t.Skip("the file is not there: this is a copy of the module alone")
	}
	must(t, err)
	var golden struct {
		Version struct {
			Name, Version, SHA256, Statement, Seed, PublicKey, Signature string
			Size                                                         int64
		}
		KeyChanges []struct{ Leaf, Statement string }
		NotLeaves  []string
	}
	must(t, json.Unmarshal(text, &golden))
	v := golden.Version
	if got := string(statement(v.Name, v.Version, v.SHA256, v.Size)); got != v.Statement {
		t.Errorf("statement %q", got)
	}
	signer, err := ParseKey([]byte(v.Seed), nil)
	must(t, err)
	signature, err := signer.Sign([]byte(v.Statement))
	must(t, err)
	if keyText(signer) != v.PublicKey || base64.StdEncoding.EncodeToString(signature) != v.Signature {
		t.Errorf("key %s signs %s", keyText(signer), base64.StdEncoding.EncodeToString(signature))
	}
	if !ed25519.Verify(signer.PublicKey(), []byte(v.Statement), signature) {
		t.Error("the signature does not hold")
	}
	for _, change := range golden.KeyChanges {
		read, ok := parseLeaf(change.Leaf)
		if !ok || read.key == nil {
			t.Errorf("not read: %s", change.Leaf)
		} else if got := string(read.key.statement("registry.test/log")); got != change.Statement {
			t.Errorf("statement %q", got)
		}
	}
	for _, text := range golden.NotLeaves {
		if _, ok := parseLeaf(text); ok {
			t.Errorf("read as a leaf: %s", text)
		}
	}
	if len(golden.KeyChanges) < 3 || len(golden.NotLeaves) < 6 {
		t.Error("the file has too few cases")
	}
}
