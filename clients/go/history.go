package cpm

import (
	"context"
	"slices"
	"sort"
	"time"
)

// Who may sign a package, replayed from the log alone (docs/log-format.md). Nothing that a registry
// says elsewhere counts: a key that stands only in its database signs nothing here.

const (
	// activeKeysMax bounds the signatures that one leaf of a hostile log makes us check.
	activeKeysMax      = 20
	resetDelay         = 72 * time.Hour
	clockDifferenceMax = 10 * time.Minute
	// disorderMax is how far a leaf may be older than one before it: a registry has several clocks.
	disorderMax = time.Hour
)

type pendingReset struct {
	key    string
	at     time.Time
	upheld bool
}

type compromise struct {
	key, since string
	// index is that of the removal.
	index int64
}

type keyReset struct {
	seq int64
	at  time.Time
}

// A keyHistory is who may sign a package at some leaf of the log.
type keyHistory struct {
	name        string
	active      []string
	compromised []compromise
	seq         int64
	previous    string
	reset       *pendingReset

	first   string
	digests map[int64]string
	resets  []keyReset
	leaves  []indexedLeaf
	// strict remembers the keys that passed the slow check.
	strict map[string]bool
}

type indexedLeaf struct {
	leaf
	index int64
}

// replayHistory checks every leaf of a proof's history and replays them up to the last one.
func replayHistory(ctx context.Context, log *checkedLog, read *proof, entry *versionLeaf) (*keyHistory, error) {
	leaves, err := readLeaves(log, read, entry)
	if err != nil {
		return nil, err
	}
	if err := log.checkChangesAmong(leaves); err != nil {
		return nil, err
	}
	leaves = slices.DeleteFunc(leaves, func(each indexedLeaf) bool { return each.log != nil })
	first := leaves[0].version
	if first == nil {
		return nil, distrust("history_broken", "the history of %s does not begin with a version", entry.name)
	}
	digest := hexDigest([]byte(leaves[0].text))
	history := &keyHistory{name: first.name, active: []string{first.key}, previous: digest, first: digest,
		digests: map[int64]string{0: digest}, leaves: leaves, strict: map[string]bool{}}
	for _, each := range leaves[1:] {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if each.version != nil && each.index == read.index {
			err = history.replayVersion(each.version)
		} else if each.key != nil {
			err = history.replayKeyChange(log.originAt(each.index), each)
		}
		if err != nil {
			return nil, err
		}
	}
	return history, nil
}

// readLeaves returns the leaves of the history and the version's own, in the order of the log.
func readLeaves(log *checkedLog, read *proof, entry *versionLeaf) ([]indexedLeaf, error) {
	leaves := []indexedLeaf{{leaf{text: read.text, version: entry}, read.index}}
	before := int64(-1)
	for _, proved := range read.history {
		parsed, ok := parseLeaf(proved.text)
		if !ok {
			return nil, distrust("history_broken", "leaf %d has no form that this program knows", proved.index)
		}
		if proved.index <= before {
			return nil, distrust("history_broken", "leaf %d does not come after leaf %d", proved.index, before)
		}
		before = proved.index
		if !proved.isIn(log.tree) {
			return nil, distrust("history_broken", "leaf %d: the proof does not lead to the checkpoint's root", proved.index)
		}
		// A version of another package could pass for the one since which a key is compromised.
		if name := parsed.packageName(); name != "" && foldName(name) != foldName(entry.name) {
			return nil, distrust("history_broken", "leaf %d is about %s", proved.index, name)
		}
		if proved.index != read.index {
			leaves = append(leaves, indexedLeaf{parsed, proved.index})
		}
	}
	sort.SliceStable(leaves, func(a, b int) bool { return leaves[a].index < leaves[b].index })
	return leaves, nil
}

func (l leaf) packageName() string {
	switch {
	case l.version != nil:
		return l.version.name
	case l.key != nil:
		return l.key.name
	}
	return ""
}

func (l leaf) time() time.Time {
	switch {
	case l.version != nil:
		return l.version.published
	case l.key != nil:
		return l.key.at
	}
	return time.Time{}
}

// applyDueReset puts the key of a reset in place of the others once its time has come.
func (h *keyHistory) applyDueReset(now time.Time) {
	if h.reset != nil && !now.Before(h.reset.at.Add(resetDelay)) {
		h.active = []string{h.reset.key}
		h.reset = nil
	}
}

func (h *keyHistory) replayVersion(entry *versionLeaf) error {
	h.applyDueReset(entry.published)
	if entry.name != h.name {
		return distrust("name_differs", "%s %s: the package was first logged as %s", entry.name, entry.version, h.name)
	}
	if slices.Contains(h.active, entry.key) {
		return nil
	}
	early := ""
	if h.reset != nil && h.reset.key == entry.key {
		early = "; its reset is not 72 hours old"
	}
	return distrust("signer_not_trusted", "%s %s: no leaf of the log lets the key %s sign it%s",
		entry.name, entry.version, entry.key, early)
}

func (h *keyHistory) replayKeyChange(registry string, read indexedLeaf) error {
	change := read.key
	refuse := func(code, why string) error {
		return distrust(code, "%s: key change %d (%s %s): %s", h.name, change.seq, change.action, change.key, why)
	}
	if change.seq != h.seq+1 {
		return refuse("sequence_gap", "it does not have the next number")
	}
	if change.previous != h.previous {
		return refuse("history_broken", "it does not continue the package's last key leaf")
	}
	if change.name != h.name {
		return refuse("name_differs", "it names "+change.name)
	}
	h.applyDueReset(change.at)
	if why := h.refusalOf(registry, change); why != "" {
		return refuse("key_change_invalid", why)
	}
	h.seq, h.previous = change.seq, hexDigest([]byte(read.text))
	h.digests[h.seq] = h.previous
	h.apply(change, read.index)
	return nil
}

// checkTimes refuses leaves from the future, and leaves that are older than those before them. With
// either, a registry could shorten the 72 hours of a reset.
func (h *keyHistory) checkTimes(now time.Time) error {
	var newest time.Time
	for _, each := range h.leaves {
		at := each.time()
		if at.After(now.Add(clockDifferenceMax)) {
			return distrust("time_in_future", "leaf %d is of %s, and your clock has %s", each.index,
				at.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
		}
		if at.Before(newest.Add(-disorderMax)) {
			return distrust("backdated", "leaf %d is of %s, after a leaf of %s", each.index,
				at.Format(time.RFC3339), newest.Format(time.RFC3339))
		}
		if at.After(newest) {
			newest = at
		}
	}
	return nil
}

// checkCompromised refuses what a compromised key signed from the version on that the removal
// names. That version is before the removal: a leaf behind it is a second one of this version, with
// which a registry would call earlier versions good.
func (h *keyHistory) checkCompromised(entry *versionLeaf, index int64) error {
	for _, found := range h.compromised {
		if found.key != entry.key {
			continue
		}
		since := slices.IndexFunc(h.leaves, func(each indexedLeaf) bool {
			return each.version != nil && foldVersion(each.version.version) == foldVersion(found.since)
		})
		if since < 0 || h.leaves[since].index <= index || h.leaves[since].index >= found.index {
			return distrust("key_compromised", "the key %s, which signed %s %s, is compromised, as an owner's key says in the log",
				entry.key, entry.name, entry.version)
		}
	}
	return nil
}
