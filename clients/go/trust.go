package cpm

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Trust says what makes a version acceptable. [FirstUse], [Log] and [Pinned] make one.
type Trust interface {
	// check returns an error unless the proof shows that the version may be used.
	check(ctx context.Context, c *Client, read *proof, entry *versionLeaf) (verified, error)
}

// A verified version, and what has to be remembered once its archive is right too.
type verified struct {
	origin   string
	remember func() error
}

// A TrustError says why a version does not verify. Nothing was left under its name.
type TrustError struct {
	// Code is one of docs/verifying.md, which says what to do, such as signature_invalid.
	Code   string
	Detail string
}

func (e *TrustError) Error() string { return fmt.Sprintf("%s [%s]", printable(e.Detail), e.Code) }

func distrust(code, format string, values ...any) error {
	return &TrustError{Code: code, Detail: fmt.Sprintf(format, values...)}
}

// IsNotTrusted reports whether an error says that something does not verify.
func IsNotTrusted(err error) bool {
	var distrusted *TrustError
	return errors.As(err, &distrusted)
}

// FirstUse believes the log's key that the registry shows at the first contact, and remembers it.
// From then on it is [Log].
func FirstUse(store *Store) Trust { return logTrust{store: store, now: time.Now} }

// Log believes the transparency log of a verifier key, which /log/vkey and the operator tell. Every
// version must be in the log, and the log's own leaves must let its key sign the package. The store
// remembers what was seen, and reveals a log that is changed or shortened later.
func Log(vkey string, store *Store) (Trust, error) {
	vkey = strings.TrimSpace(vkey)
	if _, err := note.NewVerifier(vkey); err != nil {
		return nil, fmt.Errorf("%q is not the verifier key of a log, as /log/vkey shows it", vkey)
	}
	return logTrust{store: store, vkey: vkey, now: time.Now}, nil
}

// Pinned believes publishers' keys, each 64 hex digits, and nothing else. It needs no log, and sees
// no removal of a key: whoever pins keys has to follow them.
func Pinned(keys ...string) (Trust, error) {
	if len(keys) == 0 {
		return nil, errors.New("name at least one key to pin")
	}
	pinned := pinnedTrust{}
	for _, key := range keys {
		bytes, err := hex.DecodeString(key)
		if err != nil || len(bytes) != ed25519.PublicKeySize || !isStrictKey(bytes) {
			return nil, fmt.Errorf("%q is not an Ed25519 key in hex", key)
		}
		pinned.keys = append(pinned.keys, hex.EncodeToString(bytes))
	}
	return pinned, nil
}

type pinnedTrust struct{ keys []string }

func (p pinnedTrust) check(_ context.Context, _ *Client, _ *proof, entry *versionLeaf) (verified, error) {
	if !slices.Contains(p.keys, entry.key) {
		return verified{}, distrust("signer_not_trusted", "%s %s is signed by the key %s, which is not pinned",
			entry.name, entry.version, entry.key)
	}
	return verified{remember: func() error { return nil }}, nil
}

type logTrust struct {
	store *Store
	vkey  string
	now   func() time.Time
}

func (t logTrust) check(ctx context.Context, c *Client, read *proof, entry *versionLeaf) (verified, error) {
	log, err := t.checkLog(ctx, c, read)
	if err != nil {
		return verified{}, err
	}
	if !read.isIn(log.tree) {
		return verified{}, distrust("not_included", "leaf %d of %d: the proof does not lead to the checkpoint's root",
			read.index, log.tree.size)
	}
	if !read.hasHistory {
		if read.history, err = c.fetchHistory(ctx, entry.name, entry.version, log.tree.size); err != nil {
			return verified{}, err
		}
	}
	history, err := replayHistory(ctx, log, read, entry)
	if err != nil {
		return verified{}, err
	}
	now := t.now()
	if err := history.checkTimes(now); err != nil {
		return verified{}, err
	}
	if err := history.checkCompromised(entry, read.index); err != nil {
		return verified{}, err
	}
	if err := t.checkSeen(log, history, entry); err != nil {
		return verified{}, err
	}
	remember := func() error {
		if err := t.saveLog(c, log); err != nil {
			return err
		}
		seen := seenKeys{First: history.first, Seq: history.seq, Last: history.previous, SeenAt: now.UTC().Format(seenTime)}
		return t.store.saveKeys(log.tree.origin, foldName(entry.name), seen)
	}
	return verified{origin: log.tree.origin, remember: remember}, nil
}

// checkSeen compares a package's key history with the one that was seen before, in this log or in
// one that it continues.
func (t logTrust) checkSeen(log *checkedLog, history *keyHistory, entry *versionLeaf) error {
	var seen *seenKeys
	for _, origin := range append([]string{log.tree.origin}, log.earlierOrigins()...) {
		found, err := t.store.keys(origin, foldName(entry.name))
		if err != nil {
			return err
		}
		if found != nil {
			seen = found
			break
		}
	}
	if seen == nil {
		return nil
	}
	if seen.First != history.first {
		return distrust("history_forked", "%s began with another version when you saw it on %s", entry.name, seen.SeenAt)
	}
	if seen.Seq > history.seq {
		return distrust("history_shorter", "%s had %d key changes when you saw it on %s, and has %d now",
			entry.name, seen.Seq, seen.SeenAt, history.seq)
	}
	if history.digests[seen.Seq] != seen.Last {
		return distrust("history_forked", "%s: key change %d is not the one that you saw on %s", entry.name, seen.Seq, seen.SeenAt)
	}
	seenAt, err := time.Parse(seenTime, seen.SeenAt)
	if err != nil {
		return err
	}
	for _, reset := range history.resets {
		if reset.seq > seen.Seq && reset.at.Before(seenAt.Add(-clockDifferenceMax)) {
			return distrust("backdated", "%s: key change %d is new, and says that it is older than your last look on %s",
				entry.name, reset.seq, seen.SeenAt)
		}
	}
	return nil
}
