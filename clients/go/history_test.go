package cpm

import (
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"
)

// scenario makes a history in which key 1 published version 1.0.0, and says which version to fetch.
type scenario struct {
	code    string
	version string
	make    func(r *fakeRegistry)
}

func add(key ed25519.PrivateKey) keyLeaf { return keyLeaf{action: "add", key: publicHex(key)} }

func remove(key ed25519.PrivateKey, reason, since string) keyLeaf {
	return keyLeaf{action: "remove", key: publicHex(key), reason: reason, since: since}
}

var (
	second, third = newKey(2), newKey(3)
	longAgo       = time.Now().Add(-100 * time.Hour)
)

var scenarios = map[string]scenario{
	"a key that was added may sign": {"", "2.0.0", func(r *fakeRegistry) {
		r.changeKey(add(second), r.key, second)
		r.publish("2.0.0", second)
	}},
	"a key that was rotated out may not sign": {"signer_not_trusted", "2.0.0", func(r *fakeRegistry) {
		r.changeKey(add(second), r.key, second)
		r.changeKey(remove(r.key, "superseded", "-"), second)
		r.publish("2.0.0", r.key)
	}},
	"what a superseded key signed stays valid": {"", "1.0.0", func(r *fakeRegistry) {
		r.changeKey(add(second), r.key, second)
		r.changeKey(remove(r.key, "superseded", "-"), second)
	}},
	"a foreign key may not sign": {"signer_not_trusted", "2.0.0", func(r *fakeRegistry) {
		r.publish("2.0.0", second)
	}},
	"a key that no key let in": {"key_change_invalid", "2.0.0", func(r *fakeRegistry) {
		r.changeKey(add(second), third, second)
		r.publish("2.0.0", second)
	}},
	"a new key that did not sign": {"key_change_invalid", "2.0.0", func(r *fakeRegistry) {
		r.changeKey(add(second), r.key, r.key)
		r.publish("2.0.0", second)
	}},
	"a removal that nobody signed": {"key_change_invalid", "1.0.0", func(r *fakeRegistry) {
		r.changeKey(remove(r.key, "superseded", "-"), third)
	}},
	"a compromised key is not trusted": {"key_compromised", "1.0.0", func(r *fakeRegistry) {
		r.changeKey(add(second), r.key, second)
		r.changeKey(remove(r.key, "compromised", "-"), second)
	}},
	"a compromised key is not trusted from a version on": {"key_compromised", "1.0.0", func(r *fakeRegistry) {
		r.changeKey(add(second), r.key, second)
		r.changeKey(remove(r.key, "compromised", "1.0.0"), second)
	}},
	"a reset is good after 72 hours": {"", "2.0.0", func(r *fakeRegistry) {
		r.changeKey(keyLeaf{action: "reset", key: publicHex(second), at: longAgo}, second)
		r.publish("2.0.0", second)
	}},
	"a reset is not good before": {"signer_not_trusted", "2.0.0", func(r *fakeRegistry) {
		r.changeKey(keyLeaf{action: "reset", key: publicHex(second)}, second)
		r.publish("2.0.0", second)
	}},
	"a cancelled reset is not good": {"signer_not_trusted", "2.0.0", func(r *fakeRegistry) {
		r.changeKey(keyLeaf{action: "reset", key: publicHex(second), at: longAgo}, second)
		r.changeKey(keyLeaf{action: "cancel", key: publicHex(second), at: longAgo.Add(time.Hour), by: "-"}, r.key)
		r.publish("2.0.0", second)
	}},
	"a key cannot cancel what was upheld": {"key_change_invalid", "2.0.0", func(r *fakeRegistry) {
		r.changeKey(keyLeaf{action: "reset", key: publicHex(second), at: longAgo}, second)
		r.changeKey(keyLeaf{action: "uphold", key: publicHex(second), at: longAgo.Add(time.Hour), by: "admin"})
		r.changeKey(keyLeaf{action: "cancel", key: publicHex(second), at: longAgo.Add(2 * time.Hour), by: "-"}, r.key)
		r.publish("2.0.0", second)
	}},
	"a key change that was dropped": {"sequence_gap", "1.0.0", func(r *fakeRegistry) {
		r.changeKey(add(second), r.key, second)
		r.changeKey(add(third), r.key, third)
		r.keyLeaves = r.keyLeaves[1:]
	}},
	"key changes in another order": {"history_broken", "1.0.0", func(r *fakeRegistry) {
		r.changeKey(add(second), r.key, second)
		r.changeKey(add(third), r.key, third)
		slices.Reverse(r.keyLeaves)
	}},
	"a key change of another package": {"history_broken", "1.0.0", func(r *fakeRegistry) {
		r.name = "other"
		r.changeKey(add(second), r.key, second)
		r.name = "hello"
	}},
	"a key change that does not continue the last": {"history_broken", "1.0.0", func(r *fakeRegistry) {
		r.previous = hexDigest(nil)
		r.changeKey(add(second), r.key, second)
	}},
	"a statement for another registry": {"key_change_invalid", "1.0.0", func(r *fakeRegistry) {
		r.log.origin = "elsewhere.test/log"
		r.changeKey(add(second), r.key, second)
		r.log.origin = fakeOrigin
	}},
	"a leaf of the future": {"time_in_future", "1.0.0", func(r *fakeRegistry) {
		change := add(second)
		change.at = time.Now().Add(time.Hour)
		r.changeKey(change, r.key, second)
	}},
	"what a key signed before it was compromised stays valid": {"", "1.0.0", func(r *fakeRegistry) {
		r.publish("2.0.0", r.key)
		r.changeKey(add(second), r.key, second)
		r.changeKey(remove(r.key, "compromised", "2.0.0"), second)
		r.keyLeaves = append([]int64{r.versions["2.0.0"]}, r.keyLeaves...)
	}},
	"a version behind the removal does not make earlier ones good": {"key_compromised", "1.0.0", func(r *fakeRegistry) {
		r.changeKey(add(second), r.key, second)
		r.changeKey(remove(r.key, "compromised", "2.0.0"), second)
		r.publish("2.0.0", second)
		r.keyLeaves = append(r.keyLeaves, r.versions["2.0.0"])
	}},
	"a leaf that is older than the one before": {"backdated", "2.0.0", func(r *fakeRegistry) {
		change := add(second)
		change.at = longAgo.Add(-3 * time.Hour)
		r.changeKey(change, r.key, second)
		r.publish("2.0.0", second)
	}},
	"a history that begins elsewhere": {"history_broken", "2.0.0", func(r *fakeRegistry) {
		r.publish("2.0.0", r.key)
		r.first = 0
	}},
}

func TestKeyHistory(t *testing.T) {
	for name, each := range scenarios {
		t.Run(name, func(t *testing.T) {
			registry := newFakeRegistry(t)
			registry.publishAt("1.0.0", registry.key, longAgo.Add(-time.Hour))
			each.make(registry)
			_, err := registry.fetch(registry.client(), each.version)
			if each.code != "" {
				expectDistrust(t, err, each.code)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAKeyHistoryThatWasSeenCannotChange(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publishAt("1.0.0", registry.key, longAgo.Add(-2*time.Hour))
	change := add(second)
	change.at = longAgo.Add(-time.Hour)
	registry.changeKey(change, registry.key, second)
	client := registry.client()
	if _, err := registry.fetch(client, "1.0.0"); err != nil {
		t.Fatal(err)
	}
	hidden := registry.keyLeaves
	registry.keyLeaves = nil
	_, err := registry.fetch(client, "1.0.0")
	expectDistrust(t, err, "history_shorter")
	registry.keyLeaves = hidden
	registry.changeKey(keyLeaf{action: "reset", key: publicHex(third), at: longAgo}, third)
	_, err = registry.fetch(client, "1.0.0")
	expectDistrust(t, err, "backdated")
	// For somebody who sees the package for the first time, nothing is wrong with it.
	if _, err := registry.fetch(registry.client(), "1.0.0"); err != nil {
		t.Error(err)
	}
}

func TestAKeyLeafThatIsNotInTheLogIsRefused(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	registry.changeKey(add(second), registry.key, second)
	registry.publish("2.0.0", second)
	logged := registry.log.leaves[registry.keyLeaves[0]]
	// Another moment, and so another leaf, which the keys signed as well.
	forged := keyLeaf{name: "hello", seq: 1, action: "add", key: publicHex(second), by: "mallory",
		previous: hexDigest([]byte(registry.log.leaves[registry.first])), at: time.Now().UTC()}
	for _, signer := range []ed25519.PrivateKey{registry.key, second} {
		forged.signatures = append(forged.signatures, ed25519.Sign(signer, forged.statement(fakeOrigin)))
	}
	registry.rewrite = func(proof string) string { return replaceInExtra(proof, logged, keyLeafText(forged)) }
	_, err := registry.fetch(registry.client(), "2.0.0")
	expectDistrust(t, err, "history_broken")
}

// replaceInExtra puts another leaf into the history of a proof.
func replaceInExtra(proof, from, to string) string {
	lines := strings.SplitN(proof, "\n", 3)
	extra, _ := decodeBase64(strings.TrimPrefix(lines[1], "extra "))
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	changed := strings.Replace(string(extra), encode(from), encode(to), 1)
	return lines[0] + "\nextra " + encode(changed) + "\n" + lines[2]
}

func TestAnotherKeyHistoryIsRefused(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	previous := registry.previous
	registry.changeKey(add(second), registry.key, second)
	client := registry.client()
	if _, err := registry.fetch(client, "1.0.0"); err != nil {
		t.Fatal(err)
	}
	registry.keyLeaves, registry.previous = nil, previous
	registry.changeKey(add(third), registry.key, third)
	_, err := registry.fetch(client, "1.0.0")
	expectDistrust(t, err, "history_forked")
}
