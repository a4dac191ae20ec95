package cpm

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A checkedLog is a log whose checkpoint a trusted key signed, and that continues what was seen.
type checkedLog struct {
	tree    checkpoint
	note    string
	vkey    string
	retired []string
	// changes is how the log came to its key; empty where nothing points to a change.
	changes []logChange
}

// knownLog is what the user knows of a log before this checkpoint.
type knownLog struct {
	// before is the origin that the registry's log had.
	before string
	seen   *seenLog
	// trusted is the key that is believed, before any change.
	trusted string
}

// checkLog checks a proof's checkpoint: origin, key, and consistency with the last one seen. It
// asks how the log's key changed where something points to a change.
func (t logTrust) checkLog(ctx context.Context, c *Client, read *proof) (*checkedLog, error) {
	unverified, isNote := unverifiedNote(read.note)
	if !isNote {
		return nil, distrust("checkpoint_malformed", "the proof has no signed checkpoint")
	}
	tree, ok := parseCheckpoint(unverified.Text)
	if !ok {
		return nil, distrust("checkpoint_malformed", "the proof has no signed checkpoint")
	}
	known, err := t.known(ctx, c, tree.origin)
	if err != nil {
		return nil, err
	}
	log := &checkedLog{tree: tree, note: read.note}
	if known.pointsToChange(tree.origin, unverified) || !read.hasHistory || read.hasLogLeaf() {
		if log.changes, err = c.logChanges(ctx, tree); err != nil {
			return nil, err
		}
	}
	if err := t.checkOrigin(log, known); err != nil {
		return nil, err
	}
	if err := log.checkKey(known); err != nil {
		return nil, err
	}
	seen := known.seen
	for _, origin := range log.earlierOrigins() {
		if seen == nil {
			if seen, err = t.store.log(origin); err != nil {
				return nil, err
			}
		}
	}
	return log, c.checkConsistency(ctx, seen, tree)
}

func (t logTrust) known(ctx context.Context, c *Client, origin string) (knownLog, error) {
	before, err := t.store.originOf(c.base)
	if err != nil {
		return knownLog{}, err
	}
	seen, err := t.store.log(origin)
	if err != nil {
		return knownLog{}, err
	}
	known := knownLog{before: before, seen: seen, trusted: t.vkey}
	if known.trusted == "" && seen != nil {
		known.trusted = seen.VKey
	}
	if known.trusted == "" {
		shown, err := c.get(ctx, "/log/vkey", 4096)
		if err != nil {
			return known, err
		}
		known.trusted = strings.TrimSpace(string(shown))
	}
	return known, nil
}

// pointsToChange reports whether the log's key may have changed: another key, another log, or a
// signature under the log's name by a key that is not known here.
func (k knownLog) pointsToChange(origin string, signed *note.Note) bool {
	keys := []string{k.trusted}
	if k.seen != nil {
		keys = append(keys, k.seen.VKey)
		keys = append(keys, k.seen.Retired...)
	}
	if (k.before != "" && k.before != origin) || (k.seen != nil && k.seen.VKey != k.trusted) {
		return true
	}
	return slices.ContainsFunc(signed.UnverifiedSigs, func(signature note.Signature) bool {
		isKnown := slices.ContainsFunc(keys, func(vkey string) bool {
			verifier, err := note.NewVerifier(vkey)
			return err == nil && verifier.KeyHash() == signature.Hash
		})
		return signature.Name == origin && !isKnown
	})
}

func (p *proof) hasLogLeaf() bool {
	return slices.ContainsFunc(p.history, func(each provedLeaf) bool { return strings.HasPrefix(each.text, "cpm.log/") })
}

// checkOrigin refuses another log than the one that is expected. A new log of a known registry has
// to be named by the user: otherwise whoever loses a log could begin another one unnoticed.
func (t logTrust) checkOrigin(log *checkedLog, known knownLog) error {
	expected := known.before
	if t.vkey != "" {
		expected = keyName(t.vkey)
	}
	origin := log.tree.origin
	if expected == "" || expected == origin {
		isContinued := slices.Contains(log.earlierOrigins(), known.before)
		if known.before != "" && known.before != origin && known.seen == nil && !isContinued {
			// Otherwise whoever gets a user to accept a new key could drop all that the user saw.
			return distrust("other_origin", "the registry had the log %s, and nothing proves that %s continues it", known.before, origin)
		}
		return nil
	}
	if slices.Contains(log.earlierOrigins(), expected) {
		return distrust("log_restarted", "the log %s was replaced by %s, whose beginning says that the old key was lost; ask the operator on another channel for the key of the new log",
			expected, origin)
	}
	return distrust("other_origin", "the checkpoint is of the log %s, not of %s", origin, expected)
}

// checkKey checks that the log's present key signed the checkpoint.
func (l *checkedLog) checkKey(known knownLog) error {
	if keyName(known.trusted) != l.tree.origin {
		return distrust("vkey_unknown", "no key of the log %s is known", l.tree.origin)
	}
	replaced := known.trusted
	if known.seen != nil && slices.Contains(known.seen.Retired, known.trusted) {
		replaced = known.seen.VKey
	}
	l.vkey = successorOf(replaced, l.changes)
	if _, ok := openNote(l.note, l.vkey); !ok {
		if _, isOld := openNote(l.note, known.trusted); isOld && known.trusted != l.vkey {
			return distrust("log_key_retired", "only %s signed the checkpoint, which %s replaced", known.trusted, l.vkey)
		}
		return distrust("checkpoint_unsigned", "the key %s did not sign the checkpoint", l.vkey)
	}
	if count := len(l.changes); count > 0 {
		if last := l.changes[count-1]; last.entry.newKey != l.vkey {
			if _, ok := openNote(l.note, last.entry.newKey); !ok {
				return distrust("log_key_retired", "leaf %d made %s the log's key, which did not sign the checkpoint", last.index, last.entry.newKey)
			}
		}
	}
	if known.seen != nil {
		l.retired = known.seen.Retired
	}
	for _, change := range l.changes {
		if !slices.Contains(l.retired, change.entry.oldKey) {
			l.retired = append(slices.Clone(l.retired), change.entry.oldKey)
		}
	}
	l.retired = slices.DeleteFunc(slices.Clone(l.retired), func(vkey string) bool { return vkey == l.vkey })
	return nil
}

func keyName(vkey string) string {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return ""
	}
	return verifier.Name()
}

// checkConsistency checks that the log only grew since it was seen.
func (c *Client) checkConsistency(ctx context.Context, seen *seenLog, now checkpoint) error {
	if seen == nil {
		return nil
	}
	unverified, ok := unverifiedNote(seen.Checkpoint)
	if !ok {
		return distrust("checkpoint_malformed", "the checkpoint that was kept of %s is damaged", now.origin)
	}
	before, ok := parseCheckpoint(unverified.Text)
	if !ok {
		return distrust("checkpoint_malformed", "the checkpoint that was kept of %s is damaged", now.origin)
	}
	if now.size < before.size {
		return distrust("older_tree", "%d leaves seen before, %d now: an older log, or one that lost leaves", before.size, now.size)
	}
	continues, err := c.continues(ctx, before, now)
	if err == nil && !continues {
		err = distrust("forked", "%d leaves seen before, %d now: no proof that the second log continues the first", before.size, now.size)
	}
	return err
}

// continues reports whether a tree is a prefix of another, by the registry's proof.
func (c *Client) continues(ctx context.Context, before, now checkpoint) (bool, error) {
	if before.size == now.size {
		return before.root == now.root, nil
	}
	if before.size == 0 {
		return true, nil
	}
	if before.size > now.size {
		return false, nil
	}
	query := url.Values{"from": {fmt.Sprint(before.size)}, "to": {fmt.Sprint(now.size)}}
	var answered struct {
		Proof []string `json:"proof"`
	}
	err := c.getJSON(ctx, "/api/log/consistency?"+query.Encode(), &answered)
	if hasStatus(err, http.StatusNotFound) || hasStatus(err, http.StatusUnprocessableEntity) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	hashes, ok := parseHashes(answered.Proof)
	return ok && tlog.CheckTree(hashes, now.size, now.root, before.size, before.root) == nil, nil
}

// saveLog keeps the checkpoint as the last one seen.
func (t logTrust) saveLog(c *Client, log *checkedLog) error {
	saved := &seenLog{VKey: log.vkey, Checkpoint: log.note, Retired: log.retired}
	if err := t.store.saveLog(log.tree.origin, saved, log.tree.size); err != nil {
		return err
	}
	return t.store.saveOrigin(c.base, log.tree.origin)
}
