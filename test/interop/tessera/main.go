// Checks a log of this registry with github.com/transparency-dev: tessera's fsck over everything that is served, and
// formats' verifier over the cosignatures of its checkpoint.
//
//	tessera <url or directory> <vkey> [<vkey of a witness> ...]
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/transparency-dev/formats/log"
	formats "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: tessera <url or directory> <vkey> [<vkey of a witness> ...]")
		os.Exit(2)
	}
	if err := check(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(prefix, vkey string, witnesses []string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	fetcher, err := fetcherOf(prefix)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := checkAll(ctx, verifier, fetcher); err != nil {
		return err
	}
	signed, err := fetcher.ReadCheckpoint(ctx)
	if err != nil {
		return err
	}
	var others []note.Verifier
	for _, witness := range witnesses {
		other, err := formats.NewVerifierForCosignatureV1(witness)
		if err != nil {
			return err
		}
		others = append(others, other)
	}
	checkpoint, _, opened, err := log.ParseCheckpoint(signed, verifier.Name(), verifier, others...)
	if err != nil {
		return err
	}
	times := map[string]int64{}
	for _, signature := range opened.Sigs {
		if signature.Name == verifier.Name() {
			continue
		}
		at, err := formats.CoSigV1Timestamp(signature)
		if err != nil {
			return err
		}
		times[signature.Name] = at.Unix()
	}
	answer := map[string]any{"size": checkpoint.Size, "root": checkpoint.Hash, "cosigned": times}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

// checkAll runs tessera's fsck. Each of its workers ends with the first wrong tile it finds, and when none is left it
// waits for ever: so there are several, and a time limit.
func checkAll(ctx context.Context, verifier note.Verifier, fetcher fsck.Fetcher) error {
	done := make(chan error, 1)
	go func() {
		done <- fsck.New(verifier.Name(), verifier, fetcher, leafHashes, fsck.Opts{N: 16}).Check(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("no answer within a minute: many tiles are wrong, or the log is slow")
	}
}

func fetcherOf(prefix string) (fsck.Fetcher, error) {
	if !strings.HasPrefix(prefix, "http://") && !strings.HasPrefix(prefix, "https://") {
		return client.FileFetcher{Root: prefix}, nil
	}
	address, err := url.Parse(strings.TrimSuffix(prefix, "/") + "/")
	if err != nil {
		return nil, err
	}
	return client.NewHTTPFetcher(address, &http.Client{Timeout: 10 * time.Second})
}

func leafHashes(data []byte) ([][]byte, error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(data); err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(bundle.Entries))
	for i, entry := range bundle.Entries {
		hashes[i] = rfc6962.DefaultHasher.HashLeaf(entry)
	}
	return hashes, nil
}
