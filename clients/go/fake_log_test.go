package cpm

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A fakeLog has leaves, and the keys that sign its checkpoints.
type fakeLog struct {
	origin  string
	leaves  []string
	hashes  []tlog.Hash
	signers []note.Signer
}

func newLogKey(t *testing.T, origin string) (note.Signer, string) {
	t.Helper()
	secret, vkey, err := note.GenerateKey(nil, origin)
	must(t, err)
	signer, err := note.NewSigner(secret)
	must(t, err)
	return signer, vkey
}

func (l *fakeLog) add(text string) int64 {
	index := int64(len(l.leaves))
	added, err := tlog.StoredHashes(index, []byte(text), l.reader())
	if err != nil {
		panic(err)
	}
	l.leaves = append(l.leaves, text)
	l.hashes = append(l.hashes, added...)
	return index
}

func (l *fakeLog) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for at, index := range indexes {
			found[at] = l.hashes[index]
		}
		return found, nil
	})
}

func (l *fakeLog) root(size int64) tlog.Hash {
	root, err := tlog.TreeHash(size, l.reader())
	if err != nil {
		panic(err)
	}
	return root
}

func (l *fakeLog) checkpoint(size int64, signers ...note.Signer) string {
	text := fmt.Sprintf("%s\n%d\n%s\n", l.origin, size, l.root(size))
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		panic(err)
	}
	return string(signed)
}

func (l *fakeLog) path(index, size int64) []string {
	hashes, err := tlog.ProveRecord(size, index, l.reader())
	if err != nil {
		panic(err)
	}
	return texts(hashes)
}

func texts(hashes []tlog.Hash) []string {
	encoded := []string{}
	for _, hash := range hashes {
		encoded = append(encoded, hash.String())
	}
	return encoded
}
