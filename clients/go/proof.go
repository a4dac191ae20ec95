package cpm

import (
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Proofs of c2sp.org/tlog-proof, and the history that a registry puts into their extra.

const (
	proofHeader   = "c2sp.org/tlog-proof@v1"
	historyHeader = "cpm.history/v1"
	// hashesMax is the length of the longest path in a tree of 2^53 leaves.
	hashesMax = 53
	// historyMax bounds the work that a hostile registry can ask for.
	historyMax = 10_000
)

// A checkpoint is the text of a log's signed note.
type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

// A provedLeaf is a leaf, and the hashes that connect it with the root of a tree.
type provedLeaf struct {
	index  int64
	text   string
	hashes tlog.RecordProof
}

// A proof is a version's leaf and the leaves that its key history needs. Nothing is checked yet.
type proof struct {
	provedLeaf
	note    string
	history []provedLeaf
	// hasHistory is false for a proof that leaves the history to another request.
	hasHistory bool
}

func parseProof(text string) (proof, bool) {
	head, signed, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != proofHeader {
		return proof{}, false
	}
	encoded, isExtra := strings.CutPrefix(lines[1], "extra ")
	extra, extraOK := decodeBase64(encoded)
	index, hashes, restOK := parsePath(lines[2:])
	if !isExtra || !extraOK || !restOK || len(hashes) > hashesMax {
		return proof{}, false
	}
	read := proof{note: signed, provedLeaf: provedLeaf{index: index, hashes: hashes}}
	return read, read.readExtra(string(extra))
}

// readExtra reads the leaf of the version, an empty line, and the history.
func (p *proof) readExtra(extra string) bool {
	text, rest, found := strings.Cut(extra, "\n\n")
	if !found {
		p.text = extra
		return true
	}
	p.text = text + "\n"
	rest, hasEnd := strings.CutSuffix(rest, "\n")
	sections := strings.Split(rest, "\n\n")
	if !hasEnd || sections[0] != historyHeader || len(sections) > historyMax {
		return false
	}
	p.hasHistory = true
	for _, section := range sections[1:] {
		lines := strings.Split(section, "\n")
		encoded, isLeaf := strings.CutPrefix(lines[0], "leaf ")
		text, leafOK := decodeBase64(encoded)
		index, hashes, pathOK := parsePath(lines[1:])
		if !isLeaf || !leafOK || !pathOK {
			return false
		}
		p.history = append(p.history, provedLeaf{index: index, text: string(text), hashes: hashes})
	}
	return true
}

func parsePath(lines []string) (int64, tlog.RecordProof, bool) {
	if len(lines) == 0 {
		return 0, nil, false
	}
	number, isIndex := strings.CutPrefix(lines[0], "index ")
	index, ok := parseDecimal(number)
	if !isIndex || !ok {
		return 0, nil, false
	}
	hashes, ok := parseHashes(lines[1:])
	return index, hashes, ok
}

func parseHashes(texts []string) ([]tlog.Hash, bool) {
	hashes := make([]tlog.Hash, len(texts))
	for at, text := range texts {
		bytes, ok := decodeBase64(text)
		if !ok || len(bytes) != tlog.HashSize {
			return nil, false
		}
		copy(hashes[at][:], bytes)
	}
	return hashes, true
}

// isIn reports whether the tree of a checkpoint has the leaf at its index.
func (p *provedLeaf) isIn(tree checkpoint) bool {
	if p.index >= tree.size {
		return false
	}
	return tlog.CheckRecord(p.hashes, tree.size, tree.root, p.index, tlog.RecordHash([]byte(p.text))) == nil
}

// parseCheckpoint reads the text of a note as c2sp.org/tlog-checkpoint.
func parseCheckpoint(text string) (checkpoint, bool) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] == "" || lines[len(lines)-1] != "" {
		return checkpoint{}, false
	}
	for _, extension := range lines[3 : len(lines)-1] {
		if extension == "" {
			return checkpoint{}, false
		}
	}
	size, sizeOK := parseDecimal(lines[1])
	root, rootOK := parseHashes(lines[2:3])
	if !sizeOK || !rootOK {
		return checkpoint{}, false
	}
	return checkpoint{origin: lines[0], size: size, root: root[0]}, true
}

// openNote returns the checkpoint of a note, if one of the keys signed it and none of their
// signatures is wrong.
func openNote(signed string, vkeys ...string) (checkpoint, bool) {
	opened, ok := verifyNote(signed, vkeys...)
	if !ok {
		return checkpoint{}, false
	}
	return parseCheckpoint(opened.Text)
}

func verifyNote(signed string, vkeys ...string) (*note.Note, bool) {
	verifiers := make([]note.Verifier, 0, len(vkeys))
	for _, vkey := range vkeys {
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, false
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(verifiers...))
	return opened, err == nil
}

// unverifiedNote reads a note without checking a signature.
func unverifiedNote(signed string) (*note.Note, bool) {
	_, err := note.Open([]byte(signed), note.VerifierList())
	unsigned, isUnsigned := err.(*note.UnverifiedNoteError)
	if !isUnsigned {
		return nil, false
	}
	return unsigned.Note, true
}
