package cpm

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

const plainPEM = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
`

const plainHex = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
const plainPublic = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

func TestKeysInAllTheirForms(t *testing.T) {
	for _, text := range []string{plainPEM, plainHex, " " + strings.ToUpper(plainHex) + "\r\n", plainHex + plainPublic} {
		signer, err := ParseKey([]byte(text), nil)
		if err != nil || keyText(signer) != plainPublic {
			t.Errorf("%q: %v", text, err)
		}
		if shown := fmt.Sprintf("%v %+v %#v", signer, signer, signer); strings.Contains(shown, plainHex) || strings.Contains(shown, "[157") {
			t.Errorf("the secret is printed: %s", shown)
		}
	}
	if KeyID(mustHex(plainPublic)) != hexDigest(mustHex(plainPublic))[:32] {
		t.Error("another key id")
	}
}

func TestTextsThatAreNoKey(t *testing.T) {
	public := strings.ReplaceAll(plainPEM, "PRIVATE", "PUBLIC")
	for text, wanted := range map[string]string{
		"":                                   "neither PEM",
		plainHex[:62]:                        "neither PEM",
		plainHex + plainHex:                  "second half",
		public:                               "public key",
		plainPEM[:60]:                        "neither PEM",
		"-----BEGIN X-----\n-----END X-----": "not supported",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----":                     "not a private key",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----": "encrypted",
	} {
		_, err := ParseKey([]byte(text), nil)
		if err == nil || !strings.Contains(err.Error(), wanted) || strings.Contains(err.Error(), plainHex[:16]) {
			t.Errorf("%q: %v, want %q", text, err, wanted)
		}
	}
}

func TestKeysThatOpensslEncrypts(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not on this machine")
	}
	directory := t.TempDir()
	plain, encrypted := filepath.Join(directory, "plain.pem"), filepath.Join(directory, "encrypted.pem")
	must(t, os.WriteFile(plain, []byte(plainPEM), 0o600))
	for _, rounds := range []string{"2048", "600000"} {
		command := exec.Command(openssl, "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256",
			"-iter", rounds, "-in", plain, "-out", encrypted, "-passout", "pass:secret words")
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		signer, err := FileSigner(encrypted, []byte("secret words"))
		must(t, err)
		if keyText(signer) != plainPublic {
			t.Errorf("got %s", keyText(signer))
		}
		if _, err := FileSigner(encrypted, []byte("other words")); err == nil {
			t.Error("a wrong passphrase was accepted")
		}
	}
	des := exec.Command(openssl, "pkcs8", "-topk8", "-v2", "aes-128-cbc", "-in", plain, "-out", encrypted, "-passout", "pass:x")
	if output, err := des.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if _, err := FileSigner(encrypted, []byte("x")); err == nil || !strings.Contains(err.Error(), "not supported") {
		t.Errorf("got %v", err)
	}
}

func TestKeyFiles(t *testing.T) {
	directory := t.TempDir()
	if _, err := FileSigner(directory, nil); err == nil {
		t.Error("a directory is a key")
	}
	large := filepath.Join(directory, "large")
	must(t, os.WriteFile(large, bytes.Repeat([]byte("x"), keyFileMaxBytes+1), 0o600))
	if _, err := FileSigner(large, nil); err == nil {
		t.Error("a large file is a key")
	}
}

func TestAgentSigner(t *testing.T) {
	keyring := agent.NewKeyring()
	for _, comment := range []string{"work", "twice", "twice"} {
		_, key, err := ed25519.GenerateKey(nil)
		must(t, err)
		must(t, keyring.Add(agent.AddedKey{PrivateKey: key, Comment: comment}))
	}
	socket := filepath.Join(t.TempDir(), "agent")
	listener, err := net.Listen("unix", socket)
	must(t, err)
	defer listener.Close()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(keyring, connection) }()
		}
	}()
	keys, err := keyring.List()
	must(t, err)
	for _, wanted := range []string{"work", ssh.FingerprintSHA256(keys[2])} {
		signer, err := agentSigner(socket, wanted)
		must(t, err)
		signature, err := signer.Sign([]byte("a statement"))
		must(t, err)
		if !verifyStrict(signer.PublicKey(), []byte("a statement"), signature) {
			t.Error("the agent's signature does not hold")
		}
	}
	for _, wanted := range []string{"twice", "missing", ""} {
		if _, err := agentSigner(socket, wanted); err == nil {
			t.Errorf("%q chose a key", wanted)
		}
	}
	if _, err := agentSigner(socket+"-missing", "work"); err == nil {
		t.Error("a missing agent signs")
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte(plainPEM))
	f.Add([]byte(plainHex))
	f.Add([]byte(strings.ReplaceAll(plainPEM, "PRIVATE", "ENCRYPTED PRIVATE")))
	f.Fuzz(func(t *testing.T, text []byte) {
		signer, err := ParseKey(text, []byte("passphrase"))
		if (signer == nil) == (err == nil) {
			t.Fatalf("%v and %v", signer, err)
		}
		if signer == nil {
			return
		}
		signature, err := signer.Sign(text)
		if err != nil || !verifyStrict(signer.PublicKey(), text, signature) {
			t.Fatalf("the key %s does not sign", hex.EncodeToString(signer.PublicKey()))
		}
	})
}
