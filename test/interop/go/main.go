// Checks logs of this registry with the programs of others: golang.org/x/mod's sumdb/note and sumdb/tlog.
//
//	interop log <url or directory> <vkey>   reads checkpoint, bundles and tiles, and recomputes all of them.
//	                                        LOG_TOKEN is the bearer token of a log that guests cannot read.
//	interop lines                           answers every JSON line of its input with one: see question
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 3 && args[0] == "log":
		err = checkLog(sourceOf(args[1]), args[2])
	case len(args) == 1 && args[0] == "lines":
		err = answerLines(os.Stdin, os.Stdout)
	default:
		err = errors.New("usage: interop log <url or directory> <vkey> | interop lines")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A source gives what stands at a path below a log's prefix.
type source func(path string) ([]byte, error)

func sourceOf(prefix string) source {
	if !strings.HasPrefix(prefix, "http://") && !strings.HasPrefix(prefix, "https://") {
		return func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(prefix, filepath.FromSlash(path))) }
	}
	client := &http.Client{Timeout: 10 * time.Second}
	return func(path string) ([]byte, error) {
		request, err := http.NewRequest(http.MethodGet, strings.TrimSuffix(prefix, "/")+"/"+path, nil)
		if err != nil {
			return nil, err
		}
		if token := os.Getenv("LOG_TOKEN"); token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s", path, answer.Status)
		}
		return io.ReadAll(answer.Body)
	}
}

// pathOf writes a tile's path as C2SP does: without the height, and with "entries" for the bundles.
func pathOf(t tlog.Tile) string {
	path := strings.Replace(t.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
	return strings.Replace(path, "tile/data/", "tile/entries/", 1)
}

// ReadTiles, Height and SaveTiles make a source a tlog.TileReader.
func (read source) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		var err error
		if data[i], err = read(pathOf(t)); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (source) Height() int                     { return height }
func (source) SaveTiles([]tlog.Tile, [][]byte) {}

// openCheckpoint verifies a signed checkpoint and reads its first three lines.
func openCheckpoint(signed []byte, vkey string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// checkLog recomputes the whole tree from the bundles and compares the root and every tile with what is served.
func checkLog(read source, vkey string) error {
	signed, err := read("checkpoint")
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(signed, vkey)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	var stored []tlog.Hash
	own := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for at := int64(0); at < tree.N; at += width {
		bundle := tlog.Tile{H: height, L: -1, N: at / width, W: int(min(width, tree.N-at))}
		leaves, err := readBundle(read, bundle)
		if err != nil {
			return err
		}
		for i, leaf := range leaves {
			hashes, err := tlog.StoredHashes(at+int64(i), leaf, own)
			if err != nil {
				return err
			}
			stored = append(stored, hashes...)
		}
	}
	if root, err := tlog.TreeHash(tree.N, own); err != nil || root != tree.Hash {
		return fmt.Errorf("the leaves make the root %v, the checkpoint says %v (%v)", root, tree.Hash, err)
	}
	tiles := tlog.NewTiles(height, 0, tree.N)
	for _, t := range tiles {
		if err := checkTile(read, t, own); err != nil {
			return err
		}
	}
	if err := checkProofs(read, tree, own); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"size": tree.N, "root": tree.Hash, "tiles": len(tiles)})
}

func readBundle(read source, bundle tlog.Tile) ([][]byte, error) {
	data, err := read(pathOf(bundle))
	if err != nil {
		return nil, err
	}
	var leaves [][]byte
	for len(data) >= 2 {
		end := 2 + int(binary.BigEndian.Uint16(data))
		if end > len(data) {
			break
		}
		leaves = append(leaves, data[2:end])
		data = data[end:]
	}
	if len(data) != 0 || len(leaves) != bundle.W {
		return nil, fmt.Errorf("%s: %d leaves and %d bytes", pathOf(bundle), len(leaves), len(data))
	}
	return leaves, nil
}

func checkTile(read source, t tlog.Tile, own tlog.HashReader) error {
	served, err := read(pathOf(t))
	if err != nil {
		return err
	}
	if computed, err := tlog.ReadTileData(t, own); err != nil || !bytes.Equal(served, computed) {
		return fmt.Errorf("%s is not what the leaves make (%v)", pathOf(t), err)
	}
	return nil
}

// checkProofs lets Go prove and check from the served tiles alone, as its clients do.
func checkProofs(read source, tree tlog.Tree, own tlog.HashReader) error {
	if tree.N == 0 {
		return nil
	}
	served := tlog.TileHashReader(tree, read)
	for _, n := range []int64{0, tree.N / 3, tree.N - 1} {
		leaf, err := own.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, n, served)
		if err == nil {
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, n, leaf[0])
		}
		if err != nil {
			return fmt.Errorf("leaf %d of %d: %w", n, tree.N, err)
		}
		old, err := tlog.TreeHash(n+1, own)
		if err != nil {
			return err
		}
		consistency, err := tlog.ProveTree(tree.N, n+1, served)
		if err == nil {
			err = tlog.CheckTree(consistency, tree.N, tree.Hash, n+1, old)
		}
		if err != nil {
			return fmt.Errorf("from %d to %d leaves: %w", n+1, tree.N, err)
		}
	}
	return nil
}

// A question is one line of input. Hashes are in base64.
type question struct {
	Kind   string   `json:"kind"` // inclusion, consistency, note, checkpoint or sign
	Hashes []string `json:"hashes"`
	Index  int64    `json:"index"` // of a leaf
	Leaf   string   `json:"leaf"`  // its hash
	From   int64    `json:"from"`  // an older size
	Old    string   `json:"old"`   // and its root
	Size   int64    `json:"size"`
	Root   string   `json:"root"`
	Note   string   `json:"note"`
	Text   string   `json:"text"` // to sign
	Key    string   `json:"key"`  // a verifier key, or the signer key to sign with
}

func answerLines(input io.Reader, output io.Writer) error {
	questions, answers := json.NewDecoder(input), json.NewEncoder(output)
	for {
		var asked question
		if err := questions.Decode(&asked); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		answer := map[string]string{}
		if text, err := asked.answer(); err != nil {
			answer["error"] = err.Error()
		} else {
			answer["answer"] = text
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
}

func (asked question) answer() (string, error) {
	switch asked.Kind {
	case "inclusion", "consistency":
		return "holds", asked.checkProof()
	case "note":
		verifier, err := note.NewVerifier(asked.Key)
		if err != nil {
			return "", err
		}
		opened, err := note.Open([]byte(asked.Note), note.VerifierList(verifier))
		if err != nil {
			return "", err
		}
		return opened.Text, nil
	case "checkpoint":
		tree, err := openCheckpoint([]byte(asked.Note), asked.Key)
		return fmt.Sprintf("%d %s", tree.N, tree.Hash), err
	case "sign":
		signer, err := note.NewSigner(asked.Key)
		if err != nil {
			return "", err
		}
		signed, err := note.Sign(&note.Note{Text: asked.Text}, signer)
		return string(signed), err
	}
	return "", fmt.Errorf("unknown kind %q", asked.Kind)
}

func (asked question) checkProof() error {
	proof, err := hashesOf(asked.Hashes)
	if err != nil {
		return err
	}
	other := asked.Leaf
	if asked.Kind == "consistency" {
		other = asked.Old
	}
	ends, err := hashesOf([]string{asked.Root, other})
	if err != nil {
		return err
	}
	if asked.Kind == "inclusion" {
		return tlog.CheckRecord(proof, asked.Size, ends[0], asked.Index, ends[1])
	}
	return tlog.CheckTree(proof, asked.Size, ends[0], asked.From, ends[1])
}

func hashesOf(texts []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(texts))
	for i, text := range texts {
		bytes, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(bytes) != tlog.HashSize {
			return nil, fmt.Errorf("not a hash: %q", text)
		}
		hashes[i] = tlog.Hash(bytes)
	}
	return hashes, nil
}
