package cpm

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// The leaves of the log that say who may sign a package (docs/log-format.md).

const (
	leafMaxBytes = 1024
	leafTime     = "2006-01-02T15:04:05Z"
	maxSafe      = 1<<53 - 1
)

// A versionLeaf is a published version. A log has one for a name and version, for ever.
type versionLeaf struct {
	name, version, sha256 string
	size                  int64
	key                   string
	scheme                string
	signature             []byte
	published             time.Time
}

// A keyLeaf is one change of a package's keys.
type keyLeaf struct {
	name          string
	seq           int64
	action        string
	key           string
	by            string
	previous      string
	at            time.Time
	reason, since string
	signatures    [][]byte
}

// A logLeaf is a change of the log's own key, or the beginning of a log in place of another.
type logLeaf struct {
	action         string
	oldKey, newKey string
	size           int64
	root           string
}

// A leaf has exactly one of these, and the text that was read.
type leaf struct {
	text    string
	version *versionLeaf
	key     *keyLeaf
	log     *logLeaf
}

var (
	versionForm = regexp.MustCompile(`^cpm\.version/v1 ([!-~]+) ([!-~]+)\nsha256 ([0-9a-f]{64})\nsize (\d+)\nsigner ed25519 ([0-9a-f]{64})\nsignature ([!-~]+) ([!-~]+)\npublished ([!-~]+)\n$`)
	keyForm     = regexp.MustCompile(`^cpm\.key/v2 ([!-~]+) (\d+) ([a-z]+) ([0-9a-f]{64})\nby ([!-~]+)\nprevious ([0-9a-f]{64})\nat ([!-~]+)\n(?:reason (superseded|compromised)\nsince ([!-~]+)\n)?signatures ([!-~]+(?: [!-~]+)?)\n$`)
	rotateForm  = regexp.MustCompile(`^cpm\.log/v1 rotate\nold (\S+)\nnew (\S+)\nat ([!-~]+)\nuntil ([!-~]+)\n\n`)
	startForm   = regexp.MustCompile(`^cpm\.log/v1 start\nold (\S+)\nnew (\S+)\nsize (\d+)\nroot ([0-9a-f]{64})\nat ([!-~]+)\n\n`)
)

// parseLeaf reads a leaf. It refuses other forms, because a leaf has one spelling.
func parseLeaf(text string) (leaf, bool) {
	read := leaf{text: text}
	if len(text) > leafMaxBytes {
		return read, false
	}
	read.version = parseVersionLeaf(text)
	read.key = parseKeyLeaf(text)
	read.log = parseLogLeaf(text)
	return read, read.version != nil || read.key != nil || read.log != nil
}

func parseVersionLeaf(text string) *versionLeaf {
	parts := versionForm.FindStringSubmatch(text)
	if parts == nil {
		return nil
	}
	size, sizeOK := parseDecimal(parts[4])
	signature, signatureOK := parseSignature(parts[7])
	published, timeOK := parseLeafTime(parts[8])
	if !sizeOK || !signatureOK || !timeOK || !isScheme(parts[6]) {
		return nil
	}
	return &versionLeaf{name: parts[1], version: parts[2], sha256: parts[3], size: size, key: parts[5],
		scheme: parts[6], signature: signature, published: published}
}

func parseKeyLeaf(text string) *keyLeaf {
	parts := keyForm.FindStringSubmatch(text)
	if parts == nil {
		return nil
	}
	seq, seqOK := parseDecimal(parts[2])
	at, timeOK := parseLeafTime(parts[7])
	isRemoval := parts[3] == "remove"
	switch parts[3] {
	case "add", "remove", "reset", "cancel", "uphold":
	default:
		return nil
	}
	if !seqOK || !timeOK || isRemoval != (parts[8] != "") {
		return nil
	}
	read := &keyLeaf{name: parts[1], seq: seq, action: parts[3], key: parts[4], by: parts[5],
		previous: parts[6], at: at, reason: parts[8], since: parts[9]}
	if parts[10] == "-" {
		return read
	}
	for text := range strings.SplitSeq(parts[10], " ") {
		signature, ok := parseSignature(text)
		if !ok {
			return nil
		}
		read.signatures = append(read.signatures, signature)
	}
	return read
}

func parseLogLeaf(text string) *logLeaf {
	if parts := rotateForm.FindStringSubmatch(text); parts != nil {
		_, atOK := parseLeafTime(parts[3])
		_, untilOK := parseLeafTime(parts[4])
		if !atOK || !untilOK || !isLogKey(parts[1]) || !isLogKey(parts[2]) {
			return nil
		}
		return &logLeaf{action: "rotate", oldKey: parts[1], newKey: parts[2]}
	}
	parts := startForm.FindStringSubmatch(text)
	if parts == nil {
		return nil
	}
	size, sizeOK := parseDecimal(parts[3])
	_, timeOK := parseLeafTime(parts[5])
	if !sizeOK || !timeOK || !isLogKey(parts[1]) || !isLogKey(parts[2]) {
		return nil
	}
	return &logLeaf{action: "start", oldKey: parts[1], newKey: parts[2], size: size, root: parts[4]}
}

// statement is what a publisher signs with cpm-v1.
func statement(name, version, digest string, size int64) []byte {
	return fmt.Appendf(nil, "cpm-package-signature/v1\nname: %s\nversion: %s\nsha256: %s\nsize: %d\n", name, version, digest, size)
}

// statement is what was signed for a key change. The registry is the origin of its log.
func (k *keyLeaf) statement(registry string) []byte {
	text := fmt.Appendf(nil, "cpm-key-change/v2\nregistry: %s\nname: %s\naction: %s\nkey: %s\nprevious: %s\nat: %s\n",
		registry, k.name, k.action, k.key, k.previous, k.at.Format(leafTime))
	if k.reason != "" {
		text = fmt.Appendf(text, "reason: %s\nsince: %s\n", k.reason, k.since)
	}
	return text
}

func isLogKey(vkey string) bool {
	_, err := note.NewVerifier(vkey)
	return err == nil
}

func isScheme(text string) bool {
	switch text {
	case schemeStatement, schemeDigest, schemeDigestHex, schemeArchive:
		return true
	}
	return false
}

func parseDecimal(text string) (int64, bool) {
	number, err := strconv.ParseInt(text, 10, 64)
	return number, err == nil && number >= 0 && number <= maxSafe && strconv.FormatInt(number, 10) == text
}

func parseLeafTime(text string) (time.Time, bool) {
	at, err := time.Parse(leafTime, text)
	return at, err == nil && at.Format(leafTime) == text
}

func parseSignature(text string) ([]byte, bool) {
	signature, ok := decodeBase64(text)
	return signature, ok && len(signature) == 64
}

// decodeBase64 accepts exactly the text that encoding gives again.
func decodeBase64(text string) ([]byte, bool) {
	bytes, err := base64.StdEncoding.Strict().DecodeString(text)
	return bytes, err == nil && !strings.ContainsAny(text, "\r\n")
}

func hexDigest(bytes []byte) string {
	digest := sha256.Sum256(bytes)
	return hex.EncodeToString(digest[:])
}

// foldName returns the form in which names must differ: my-pkg, my_pkg and my.pkg are one name.
func foldName(name string) string {
	return strings.NewReplacer("_", "-", ".", "-").Replace(name)
}

// foldVersion drops build metadata and a leading v, which do not make a version different.
func foldVersion(version string) string {
	version, _, _ = strings.Cut(strings.TrimLeft(version, "v="), "+")
	return version
}
