package cpm

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// FetchOptions change a fetch.
type FetchOptions struct {
	// Directory gets the archive. Without it, a temporary one is made, which Close removes.
	Directory string
}

// A Fetched archive, which is verified.
type Fetched struct {
	// Path is the archive, named <name>-<version>.cpm.
	Path    string
	Name    string
	Version string
	SHA256  string
	Size    int64
	// PublicKey is the key that signed it, in hex.
	PublicKey string
	// LogIndex is its place in the log of the origin LogOrigin, which is empty with [Pinned].
	LogIndex  int64
	LogOrigin string
	// Yanked tells that the registry advises against the version. This is not verified.
	Yanked bool

	temporary string
}

// Close removes the temporary directory of the archive, if one was made.
func (f *Fetched) Close() error {
	if f.temporary == "" {
		return nil
	}
	return os.RemoveAll(f.temporary)
}

// fileForm is what names and versions have in common. It keeps a hostile registry from naming files
// elsewhere.
var fileForm = regexp.MustCompile(`^[a-z0-9A-Z][a-z0-9A-Z._+-]{0,127}$`)

// Fetch downloads a version and verifies its digest, its signature and, by the client's trust, who
// signed it. The version may be "latest": the registry chooses it, and only the chosen one is
// verified. If anything is wrong, nothing is left under the archive's name.
func (c *Client) Fetch(ctx context.Context, name, version string, options FetchOptions) (*Fetched, error) {
	if c.trust == nil {
		return nil, errors.New("say what to trust: cpm.WithTrust of FirstUse, Log or Pinned")
	}
	described, err := c.Version(ctx, name, version)
	if err != nil {
		return nil, err
	}
	if version == "latest" {
		version = described.Version
	}
	if !fileForm.MatchString(name) || !fileForm.MatchString(version) {
		return nil, fmt.Errorf("%q %q is not the name and version of a package", name, version)
	}
	text, err := c.get(ctx, packagePath(name, version, "proof"), answerMaxBytes)
	if err != nil {
		return nil, err
	}
	read, entry, err := readProof(string(text), name, version)
	if err != nil {
		return nil, err
	}
	checked, err := c.trust.check(ctx, c, read, entry)
	if err != nil {
		return nil, err
	}
	fetched := &Fetched{Name: entry.name, Version: entry.version, SHA256: entry.sha256, Size: entry.size,
		PublicKey: entry.key, LogIndex: read.index, LogOrigin: checked.origin, Yanked: described.Yanked}
	if err := c.fetchArchive(ctx, fetched, entry, options.Directory); err != nil {
		return nil, errors.Join(err, fetched.Close())
	}
	if err := checked.remember(); err != nil {
		return nil, errors.Join(err, os.Remove(fetched.Path), fetched.Close())
	}
	return fetched, nil
}

// readProof reads a proof and checks that it is about a version.
func readProof(text, name, version string) (*proof, *versionLeaf, error) {
	read, ok := parseProof(text)
	if !ok {
		return nil, nil, distrust("proof_malformed", "the proof of %s %s is malformed (c2sp.org/tlog-proof)", name, version)
	}
	parsed, ok := parseLeaf(read.text)
	if !ok || parsed.version == nil {
		return nil, nil, distrust("leaf_mismatch", "the proof of %s %s has no leaf of a version", name, version)
	}
	entry := parsed.version
	if foldName(entry.name) != foldName(name) || foldVersion(entry.version) != foldVersion(version) {
		return nil, nil, distrust("leaf_mismatch", "the registry proves %s %s, and not %s %s", entry.name, entry.version, name, version)
	}
	if !fileForm.MatchString(entry.name) || !fileForm.MatchString(entry.version) || entry.size > archiveMaxBytes {
		return nil, nil, distrust("leaf_mismatch", "the log's entry of %s %s is not one of a package", name, version)
	}
	return &read, entry, nil
}

// fetchArchive downloads, verifies, and only then gives the archive its name.
func (c *Client) fetchArchive(ctx context.Context, fetched *Fetched, entry *versionLeaf, directory string) error {
	if directory == "" {
		made, err := os.MkdirTemp("", "cpm-fetch-*")
		if err != nil {
			return err
		}
		directory, fetched.temporary = made, made
	}
	partial, err := os.CreateTemp(directory, ".cpm-*.partial")
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name())
	err = c.download(ctx, partial, entry)
	if err = errors.Join(err, partial.Close()); err != nil {
		return err
	}
	if err := checkSignature(partial.Name(), entry); err != nil {
		return err
	}
	if err := os.Chmod(partial.Name(), 0o644); err != nil {
		return err
	}
	fetched.Path = filepath.Join(directory, entry.name+"-"+entry.version+".cpm")
	return os.Rename(partial.Name(), fetched.Path)
}

// checkSignature checks the publisher's signature over an archive whose digest and size are those
// of the leaf, and that the archive states the name and version that it was published under. The
// older schemes sign neither.
func checkSignature(path string, entry *versionLeaf) error {
	key, err := hex.DecodeString(entry.key)
	if err != nil {
		return err
	}
	var message []byte
	switch entry.scheme {
	case schemeStatement:
		message = statement(entry.name, entry.version, entry.sha256, entry.size)
	case schemeDigestHex:
		message = []byte(entry.sha256)
	case schemeDigest:
		message, err = hex.DecodeString(entry.sha256)
	case schemeArchive:
		message, err = os.ReadFile(path)
	}
	if err != nil {
		return err
	}
	if !verifyStrict(key, message, entry.signature) {
		return distrust("signature_invalid", "the signature of %s %s is not one of the key %s", entry.name, entry.version, entry.key)
	}
	if entry.scheme == schemeStatement {
		return nil
	}
	name, version, err := readManifest(path)
	if err != nil {
		return distrust("archive_rejected", "%s %s: %v", entry.name, entry.version, err)
	}
	if name != entry.name || version != entry.version {
		return distrust("leaf_mismatch", "the archive is %s %s, and was published as %s %s", name, version, entry.name, entry.version)
	}
	return nil
}
