package cpm

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// A Signer holds a publisher's Ed25519 key.
type Signer interface {
	PublicKey() ed25519.PublicKey
	// Sign returns the plain Ed25519 signature over a message.
	Sign(message []byte) ([]byte, error)
}

const keyFileMaxBytes = 64 << 10

type memorySigner struct{ key ed25519.PrivateKey }

func (s memorySigner) PublicKey() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

func (s memorySigner) Sign(message []byte) ([]byte, error) {
	return ed25519.Sign(s.key, message), nil
}

// String keeps the secret out of messages.
func (s memorySigner) String() string { return "Ed25519 key " + keyText(s) }

// GoString keeps the secret out of messages.
func (s memorySigner) GoString() string { return s.String() }

// FileSigner reads a key from a file: PKCS#8 in PEM, with or without a passphrase, or hex.
func FileSigner(path string, passphrase []byte) (Signer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > keyFileMaxBytes {
		return nil, fmt.Errorf("%s is not a key file", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	signer, err := ParseKey(text, passphrase)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return signer, nil
}

// ParseKey reads a key: PKCS#8 in PEM as openssl writes it, with or without a passphrase, or 32 or
// 64 bytes in hex.
func ParseKey(text, passphrase []byte) (Signer, error) {
	if block, _ := pem.Decode(text); block != nil {
		return parsePEM(block, passphrase)
	}
	if keyAsHex.Match(text) {
		secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil {
			return nil, err
		}
		key := ed25519.NewKeyFromSeed(secret[:ed25519.SeedSize])
		if len(secret) == ed25519.PrivateKeySize && !bytes.Equal(key, secret) {
			return nil, errors.New("the second half of the key is not its public key")
		}
		return memorySigner{key}, nil
	}
	return nil, errors.New("it is no Ed25519 key: neither PEM (PKCS#8) nor 32 or 64 bytes in hex")
}

func parsePEM(block *pem.Block, passphrase []byte) (Signer, error) {
	der := block.Bytes
	switch block.Type {
	case "PRIVATE KEY":
	case "ENCRYPTED PRIVATE KEY":
		if len(passphrase) == 0 {
			return nil, errors.New("the key is encrypted; set CPM_SIGNING_KEY_PASSPHRASE")
		}
		var err error
		if der, err = decryptPKCS8(der, passphrase); err != nil {
			return nil, err
		}
	case "PUBLIC KEY":
		return nil, errors.New("it is a public key; name the private one")
	default:
		return nil, fmt.Errorf("a key in the form %q is not supported; convert it with openssl pkey", printable(block.Type))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("it is not a private key in PKCS#8, or the passphrase is wrong")
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("it is not an Ed25519 key; make one with: openssl genpkey -algorithm ed25519")
	}
	return memorySigner{key}, nil
}

// AgentSigner uses a key of the ssh-agent at SSH_AUTH_SOCK, chosen by its comment or its
// fingerprint (SHA256:…). An agent's Ed25519 signature is the plain one.
func AgentSigner(wanted string) (Signer, error) {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, errors.New("no ssh-agent is running: SSH_AUTH_SOCK is not set")
	}
	return agentSigner(socket, wanted)
}

func agentSigner(socket, wanted string) (Signer, error) {
	signer := &socketSigner{socket: socket}
	var keys []*agent.Key
	err := signer.with(func(a agent.Agent) (err error) {
		keys, err = a.List()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the ssh-agent does not list its keys: %w", err)
	}
	for _, key := range keys {
		if key.Format != ssh.KeyAlgoED25519 || (key.Comment != wanted && ssh.FingerprintSHA256(key) != wanted) {
			continue
		}
		if signer.key != nil {
			return nil, fmt.Errorf("the ssh-agent has several keys %q; name one by its fingerprint (ssh-add -l)", wanted)
		}
		parsed, err := ssh.ParsePublicKey(key.Blob)
		if err != nil {
			return nil, err
		}
		signer.key = parsed
	}
	if signer.key == nil {
		return nil, fmt.Errorf("the ssh-agent has no Ed25519 key %q; see ssh-add -l", wanted)
	}
	return signer, nil
}

// A socketSigner asks an agent anew for each signature, so that it holds no connection.
type socketSigner struct {
	socket string
	key    ssh.PublicKey
}

func (s *socketSigner) with(work func(agent.Agent) error) error {
	connection, err := net.Dial("unix", s.socket)
	if err != nil {
		return err
	}
	defer connection.Close()
	return work(agent.NewClient(connection))
}

func (s *socketSigner) PublicKey() ed25519.PublicKey {
	key, _ := s.key.(ssh.CryptoPublicKey).CryptoPublicKey().(ed25519.PublicKey)
	return key
}

func (s *socketSigner) Sign(message []byte) ([]byte, error) {
	var signature *ssh.Signature
	err := s.with(func(a agent.Agent) (err error) {
		signature, err = a.Sign(s.key, message)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the ssh-agent did not sign: %w", err)
	}
	if !ed25519.Verify(s.PublicKey(), message, signature.Blob) {
		return nil, errors.New("the ssh-agent made a signature that is not valid")
	}
	return signature.Blob, nil
}

// KeyID returns the id of a key, as the registry shows it: the first half of its SHA-256.
func KeyID(key ed25519.PublicKey) string {
	digest := sha256.Sum256(key)
	return hex.EncodeToString(digest[:16])
}

func encodeSignature(signature []byte) string { return base64.StdEncoding.EncodeToString(signature) }
