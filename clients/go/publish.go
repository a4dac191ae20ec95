package cpm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// The messages that a publisher may sign (docs/signing.md).
const (
	schemeStatement = "cpm-v1"
	schemeDigest    = "ed25519-sha256"
	schemeDigestHex = "ed25519-sha256-hex"
	schemeArchive   = "ed25519-archive"
)

// slowBytesPerSecond is the slowest upload that a deadline allows for.
const slowBytesPerSecond = 64 << 10

// PublishOptions change a publish.
type PublishOptions struct {
	// DryRun asks the registry for everything that is wrong, and publishes nothing.
	DryRun bool
}

// A Published version, as the registry answered.
type Published struct {
	Version
	Proof string `json:"proof"`
}

// Publish signs an archive and uploads it. It may be repeated: the same bytes and signer are
// accepted again. With a trust it verifies the proof of the answer. An error for which
// [IsNotTrusted] reports true comes after the upload: the registry has the version, and its proof
// is wrong.
func (c *Client) Publish(ctx context.Context, path string, signer Signer, options PublishOptions) (*Published, error) {
	name, version, err := readManifest(path)
	if err != nil {
		return nil, err
	}
	digest, size, err := digestOf(path)
	if err != nil {
		return nil, err
	}
	signature, err := signer.Sign(statement(name, version, digest, size))
	if err != nil {
		return nil, err
	}
	form, err := newForm(path, size, map[string]string{"signature": encodeSignature(signature),
		"publicKey": keyText(signer), "signatureScheme": schemeStatement})
	if err != nil {
		return nil, err
	}
	defer form.close()
	target := "/api/packages"
	if options.DryRun {
		target += "?" + url.Values{"dryRun": {"true"}}.Encode()
	}
	asked := call{method: http.MethodPost, path: target, body: form.body, contentType: form.contentType}
	timeout := answerTimeout + time.Duration(size/slowBytesPerSecond)*time.Second
	body, err := c.read(ctx, asked, answerMaxBytes, timeout)
	if err != nil {
		return nil, err
	}
	published := &Published{}
	if err := c.decode(target, body, published); err != nil {
		return nil, err
	}
	if options.DryRun || c.trust == nil {
		return published, nil
	}
	sent := versionLeaf{name: name, version: version, sha256: digest, size: size, key: keyText(signer)}
	return published, c.checkPublished(ctx, published.Proof, sent)
}

// checkPublished checks that the log has what was sent.
func (c *Client) checkPublished(ctx context.Context, text string, sent versionLeaf) error {
	read, entry, err := readProof(text, sent.name, sent.version)
	if err != nil {
		return err
	}
	if entry.version != sent.version || entry.sha256 != sent.sha256 || entry.size != sent.size || entry.key != sent.key {
		return distrust("leaf_mismatch", "the log has other bytes or another signer for %s %s than were sent", sent.name, sent.version)
	}
	checked, err := c.trust.check(ctx, c, read, entry)
	if err != nil {
		return err
	}
	return checked.remember()
}

func digestOf(path string) (string, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer file.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, io.LimitReader(file, archiveMaxBytes+1))
	if err == nil && size > archiveMaxBytes {
		err = fmt.Errorf("%s is larger than %d bytes, which no registry accepts", path, archiveMaxBytes)
	}
	return hex.EncodeToString(hash.Sum(nil)), size, err
}

// A form is a multipart body around a file, which is read anew for every try.
type form struct {
	file        *os.File
	size        int64
	head, tail  []byte
	contentType string
}

func newForm(path string, size int64, fields map[string]string) (*form, error) {
	var buffer bytes.Buffer
	writer := multipart.NewWriter(&buffer)
	var failed error
	for name, value := range fields {
		failed = errors.Join(failed, writer.WriteField(name, value))
	}
	_, err := writer.CreateFormFile("archive", filepath.Base(path))
	if failed = errors.Join(failed, err); failed != nil {
		return nil, failed
	}
	head := bytes.Clone(buffer.Bytes())
	buffer.Reset()
	if err := writer.Close(); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &form{file: file, size: size, head: head, tail: buffer.Bytes(), contentType: writer.FormDataContentType()}, nil
}

func (f *form) body() (io.Reader, int64) {
	whole := io.MultiReader(bytes.NewReader(f.head), io.NewSectionReader(f.file, 0, f.size), bytes.NewReader(f.tail))
	return whole, int64(len(f.head)) + f.size + int64(len(f.tail))
}

func (f *form) close() { f.file.Close() }
