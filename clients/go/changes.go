package cpm

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

// How a log's key and origin changed (docs/log-format.md), proved by the log and by its old keys.

const (
	// changesMax bounds the requests that a hostile answer can ask for.
	changesMax      = 64
	changesMaxBytes = 1 << 20
)

// A logChange is a leaf that changed the log's key, and with it perhaps its origin.
type logChange struct {
	index int64
	text  string
	entry *logLeaf
}

type givenChange struct {
	Index      int64    `json:"index"`
	Leaf       string   `json:"leaf"`
	Checkpoint string   `json:"checkpoint"`
	Proof      []string `json:"proof"`
}

// logChanges asks how the log of a checkpoint came to its key, and checks every step. Whether the
// last new key signed the checkpoint is the caller's question.
func (c *Client) logChanges(ctx context.Context, now checkpoint) ([]logChange, error) {
	if now.size == 0 {
		return nil, nil
	}
	path := fmt.Sprintf("/api/log/changes?size=%d", now.size)
	body, err := c.get(ctx, path, changesMaxBytes)
	// A registry that hides its changes answers none, too: then only the known keys count.
	if hasStatus(err, http.StatusNotFound) || hasStatus(err, http.StatusUnprocessableEntity) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var answered struct {
		Changes []givenChange `json:"changes"`
	}
	if err := c.decode(path, body, &answered); err != nil {
		return nil, err
	}
	if len(answered.Changes) > changesMax {
		return nil, distrust("log_change_invalid", "the registry names more than %d changes of its log", changesMax)
	}
	var changes []logChange
	for _, given := range answered.Changes {
		parsed, _ := parseLeaf(given.Leaf)
		if parsed.log == nil {
			return nil, distrust("log_change_invalid", "leaf %d is no change of the log", given.Index)
		}
		change := logChange{given.Index, given.Leaf, parsed.log}
		why := change.fault(changes)
		if why == "" {
			if why, err = c.placeFault(ctx, now, change, given); err != nil {
				return nil, err
			}
		}
		if why != "" {
			return nil, distrust("log_change_invalid", "leaf %d: %s", given.Index, why)
		}
		changes = append(changes, change)
	}
	if count := len(changes); count > 0 && keyName(changes[count-1].entry.newKey) != now.origin {
		return nil, distrust("log_change_invalid", "the last change does not lead to the log %s", now.origin)
	}
	return changes, nil
}

// fault says why a leaf cannot change the key of a log after the changes before it; empty if it
// can. A key that was replaced never comes back: otherwise its thief could undo the rotation.
func (l logChange) fault(before []logChange) string {
	oldKey, newKey := l.entry.oldKey, l.entry.newKey
	if count := len(before); count > 0 && before[count-1].entry.newKey != oldKey {
		return fmt.Sprintf("it replaces %s, which was not the log's key", oldKey)
	}
	isUsed := newKey == oldKey || slices.ContainsFunc(before, func(b logChange) bool { return b.entry.oldKey == newKey })
	if isUsed {
		return newKey + " was the log's key before"
	}
	isRotation := l.entry.action == "rotate"
	if isRotation != (keyName(oldKey) == keyName(newKey)) {
		return "only a new log has another origin"
	}
	if _, ok := verifyNote(l.text, newKey); !ok {
		return "the new key did not sign it"
	}
	if _, ok := verifyNote(l.text, oldKey); isRotation && !ok {
		return "the old key did not sign it"
	}
	return ""
}

// placeFault says why a leaf is not in the tree, or not in one that the old key signed.
func (c *Client) placeFault(ctx context.Context, now checkpoint, change logChange, given givenChange) (string, error) {
	hashes, ok := parseHashes(given.Proof)
	proved := provedLeaf{index: given.Index, text: given.Leaf, hashes: hashes}
	if !ok || given.Index < 0 || !proved.isIn(now) {
		return "the proof does not lead to the checkpoint's root", nil
	}
	signed, ok := openNote(given.Checkpoint, change.entry.oldKey)
	if !ok || signed.origin != keyName(change.entry.oldKey) {
		return "the old key signed no tree with it", nil
	}
	isRight := signed.size == given.Index+1
	if change.entry.action == "start" {
		root := fmt.Sprintf("%x", signed.root[:])
		isRight = signed.size == given.Index && change.entry.size == given.Index && root == change.entry.root
	}
	if !isRight {
		return "the tree that the old key signed is not the one of this leaf", nil
	}
	continues, err := c.continues(ctx, signed, now)
	if err != nil || continues {
		return "", err
	}
	return "the log does not continue the tree that the old key signed", nil
}

// successorOf returns the key that took the place of another by rotations alone, or that key
// itself. Over the beginning of a new log trust does not pass on, because the old key could not
// sign it.
func successorOf(vkey string, changes []logChange) string {
	from := slices.IndexFunc(changes, func(change logChange) bool { return change.entry.oldKey == vkey })
	if from < 0 {
		return vkey
	}
	later := changes[from:]
	if slices.ContainsFunc(later, func(change logChange) bool { return change.entry.action != "rotate" }) {
		return vkey
	}
	return later[len(later)-1].entry.newKey
}

// earlierOrigins returns the origins of the logs that this one continues, the latest first.
func (l *checkedLog) earlierOrigins() []string {
	var origins []string
	for _, change := range slices.Backward(l.changes) {
		if change.entry.action == "start" {
			origins = append(origins, keyName(change.entry.oldKey))
		}
	}
	return origins
}

// originAt returns the origin that the log had at an index: statements name it.
func (l *checkedLog) originAt(index int64) string {
	for _, change := range l.changes {
		if change.entry.action == "start" && change.index > index {
			return keyName(change.entry.oldKey)
		}
	}
	return l.tree.origin
}

// checkChangesAmong checks that the registry proved every change of the log among a package's
// leaves: they say which origin the statements of key changes name.
func (l *checkedLog) checkChangesAmong(leaves []indexedLeaf) error {
	for _, each := range leaves {
		isProved := slices.ContainsFunc(l.changes, func(change logChange) bool {
			return change.index == each.index && change.text == each.text
		})
		if each.log != nil && !isProved {
			return distrust("log_change_invalid", "leaf %d: the registry does not list it among the changes of its log", each.index)
		}
	}
	return nil
}
