package cpm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

func TestFirstUseRemembersTheKeyOfTheLog(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	store := OpenStore(t.TempDir())
	client := registry.clientWith(FirstUse(store))
	if _, err := registry.fetch(client, "1.0.0"); err != nil {
		t.Fatal(err)
	}
	signer, vkey := newLogKey(t, fakeOrigin)
	registry.log.signers, registry.vkey = []note.Signer{signer}, vkey
	_, err := registry.fetch(client, "1.0.0")
	expectDistrust(t, err, "checkpoint_unsigned")
}

func TestAGivenKeyIsTheOnlyOneThatCounts(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	for origin, code := range map[string]string{fakeOrigin: "checkpoint_unsigned", "elsewhere.test/log": "other_origin"} {
		_, vkey := newLogKey(t, origin)
		trust, err := Log(vkey, OpenStore(t.TempDir()))
		must(t, err)
		_, err = registry.fetch(registry.clientWith(trust), "1.0.0")
		expectDistrust(t, err, code)
	}
	if _, err := Log("no key", OpenStore(t.TempDir())); err == nil {
		t.Error("a text that is no key was accepted")
	}
}

func TestALogThatWasSeenMustGoOn(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	client := registry.client()
	for range 3 {
		if _, err := registry.fetch(client, "1.0.0"); err != nil {
			t.Fatal(err)
		}
		registry.log.add("another leaf\n")
	}
	registry.proofSize = 3
	_, err := registry.fetch(client, "1.0.0")
	expectDistrust(t, err, "older_tree")
	registry.proofSize = 0

	whole := registry.log
	forked := &fakeLog{origin: fakeOrigin, signers: whole.signers}
	for at, text := range whole.leaves {
		if at == 4 {
			text = "another leaf of a split view\n"
		}
		forked.add(text)
	}
	forked.add("and one more\n")
	registry.log = forked
	_, err = registry.fetch(client, "1.0.0")
	expectDistrust(t, err, "forked")
}

// rotate replaces the log's key, and lists the change as a registry does.
func (r *fakeRegistry) rotate(newSigner note.Signer, newVKey string, signers ...note.Signer) {
	old := r.log.signers[0]
	at := time.Now().UTC()
	text := fmt.Sprintf("cpm.log/v1 rotate\nold %s\nnew %s\nat %s\nuntil %s\n", r.vkey, newVKey, at.Format(leafTime), at.Add(time.Hour).Format(leafTime))
	r.logChange(text, 1, old, signers...)
	r.log.signers, r.vkey = []note.Signer{newSigner}, newVKey
}

// logChange adds a leaf that changes the log, and the checkpoint that the old key signed: with the
// leaf (1) or before it (0).
func (r *fakeRegistry) logChange(text string, more int64, old note.Signer, signers ...note.Signer) {
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	must(r.t, err)
	kept := r.log.checkpoint(int64(len(r.log.leaves)), old)
	index := r.log.add(string(signed))
	if more == 1 {
		kept = r.log.checkpoint(index+1, old)
	}
	r.log.add("later leaf\n")
	r.changes = append(r.changes, givenChange{Index: index, Leaf: string(signed), Checkpoint: kept})
	for at := range r.changes {
		r.changes[at].Proof = r.log.path(r.changes[at].Index, int64(len(r.log.leaves)))
	}
}

func TestARotatedLogKeyIsFollowed(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	store := OpenStore(t.TempDir())
	pinned, err := Log(registry.vkey, store)
	must(t, err)
	client := registry.clientWith(pinned)
	if _, err := registry.fetch(client, "1.0.0"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		old := registry.log.signers[0]
		signer, vkey := newLogKey(t, fakeOrigin)
		registry.rotate(signer, vkey, old, signer)
		for _, by := range []*Client{client, registry.clientWith(FirstUse(store))} {
			if _, err := registry.fetch(by, "1.0.0"); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen, err := store.log(fakeOrigin)
	must(t, err)
	if seen.VKey != registry.vkey || len(seen.Retired) != 2 {
		t.Errorf("remembered %+v", seen)
	}
}

type rotationCase struct {
	code string
	make func(r *fakeRegistry, old, signer note.Signer, vkey string)
}

func TestAPinnedKeyThatNoChangeLedToIsNotEnough(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	old := registry.log.signers[0]
	signer, vkey := newLogKey(t, fakeOrigin)
	registry.rotate(signer, vkey, old, signer)
	aside, asideKey := newLogKey(t, fakeOrigin)
	unknown, _ := newLogKey(t, fakeOrigin)
	registry.log.signers = []note.Signer{aside, unknown}
	trust, err := Log(asideKey, OpenStore(t.TempDir()))
	must(t, err)
	_, err = registry.fetch(registry.clientWith(trust), "1.0.0")
	expectDistrust(t, err, "log_key_retired")
}

func TestALogKeyIsReplacedOnlyWithTheOldOne(t *testing.T) {
	cases := map[string]rotationCase{
		"the old key did not sign": {"log_change_invalid", func(r *fakeRegistry, _, signer note.Signer, vkey string) {
			r.rotate(signer, vkey, signer)
		}},
		"the new key did not sign": {"log_change_invalid", func(r *fakeRegistry, old, signer note.Signer, vkey string) {
			r.rotate(signer, vkey, old)
		}},
		"the change is not in the log": {"log_change_invalid", func(r *fakeRegistry, old, signer note.Signer, vkey string) {
			r.rotate(signer, vkey, old, signer)
			r.changes[0].Index--
		}},
		"the old key signed another tree": {"log_change_invalid", func(r *fakeRegistry, old, signer note.Signer, vkey string) {
			r.rotate(signer, vkey, old, signer)
			r.changes[0].Checkpoint = r.log.checkpoint(2, old)
		}},
		"the change is hidden": {"checkpoint_unsigned", func(r *fakeRegistry, old, signer note.Signer, vkey string) {
			r.rotate(signer, vkey, old, signer)
			r.changes = nil
		}},
		"the replaced key alone goes on to sign": {"log_key_retired", func(r *fakeRegistry, old, signer note.Signer, vkey string) {
			r.rotate(signer, vkey, old, signer)
			third, _ := newLogKey(r.t, fakeOrigin)
			r.log.signers = []note.Signer{old, third}
		}},
	}
	cases["another key's successor is listed"] = rotationCase{"log_change_invalid", func(r *fakeRegistry, old, signer note.Signer, vkey string) {
		r.rotate(signer, vkey, old, signer)
		foreign, foreignKey := newLogKey(r.t, fakeOrigin)
		heir, heirKey := newLogKey(r.t, fakeOrigin)
		r.log.signers, r.vkey = []note.Signer{foreign}, foreignKey
		r.rotate(heir, heirKey, foreign, heir)
	}}
	cases["the change is proved by other hashes"] = rotationCase{"log_change_invalid", func(r *fakeRegistry, old, signer note.Signer, vkey string) {
		r.rotate(signer, vkey, old, signer)
		r.changes[0].Proof[0] = r.log.root(1).String()
	}}
	cases["a change among the package's leaves is not listed"] = rotationCase{"log_change_invalid", func(r *fakeRegistry, old, signer note.Signer, vkey string) {
		before := r.log.signers
		r.rotate(signer, vkey, old, signer)
		r.keyLeaves = append(r.keyLeaves, r.changes[0].Index)
		r.changes, r.log.signers = nil, before
	}}
	cases["a key that was used comes back"] = rotationCase{"log_change_invalid", func(r *fakeRegistry, old, signer note.Signer, vkey string) {
		oldKey := r.vkey
		r.rotate(signer, vkey, old, signer)
		r.rotate(old, oldKey, signer, old)
		extra, _ := newLogKey(r.t, fakeOrigin)
		r.log.signers = append(r.log.signers, extra)
	}}
	cases["the log goes on elsewhere"] = rotationCase{"log_change_invalid", func(r *fakeRegistry, old, signer note.Signer, vkey string) {
		r.rotate(signer, vkey, old, signer)
		kept := r.log
		r.log = &fakeLog{origin: fakeOrigin, signers: kept.signers}
		for at, text := range kept.leaves {
			if at == 0 {
				text = "another first leaf\n"
			}
			r.log.add(text)
		}
		r.changes[0].Proof = r.log.path(r.changes[0].Index, int64(len(r.log.leaves)))
	}}
	for name, each := range cases {
		t.Run(name, func(t *testing.T) {
			registry := newFakeRegistry(t)
			registry.publish("1.0.0", registry.key)
			client := registry.client()
			signer, vkey := newLogKey(t, fakeOrigin)
			each.make(registry, registry.log.signers[0], signer, vkey)
			_, err := registry.fetch(client, "1.0.0")
			expectDistrust(t, err, each.code)
		})
	}
}

func TestALogThatBeganAnewNeedsTheUsersWord(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	registry.changeKey(add(second), registry.key, second)
	store := OpenStore(t.TempDir())
	client := registry.clientWith(FirstUse(store))
	if _, err := registry.fetch(client, "1.0.0"); err != nil {
		t.Fatal(err)
	}
	const anew = "registry.test/anew"
	old := registry.log.signers[0]
	signer, vkey := newLogKey(t, anew)
	size := int64(len(registry.log.leaves))
	root := registry.log.root(size)
	text := fmt.Sprintf("cpm.log/v1 start\nold %s\nnew %s\nsize %d\nroot %x\nat %s\n", registry.vkey, vkey, size, root[:], time.Now().UTC().Format(leafTime))
	registry.logChange(text, 0, old, signer)
	registry.log.origin, registry.log.signers, registry.vkey = anew, []note.Signer{signer}, vkey
	registry.keyLeaves = append(registry.keyLeaves, size)
	_, err := registry.fetch(client, "1.0.0")
	expectDistrust(t, err, "log_restarted")

	named, err := Log(vkey, store)
	must(t, err)
	if _, err := registry.fetch(registry.clientWith(named), "1.0.0"); err != nil {
		t.Fatal(err)
	}
	if _, err := registry.fetch(client, "1.0.0"); err != nil {
		t.Errorf("the new log is not remembered: %v", err)
	}
}

func TestANewLogThatContinuesNothingIsRefused(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	store := OpenStore(t.TempDir())
	if _, err := registry.fetch(registry.clientWith(FirstUse(store)), "1.0.0"); err != nil {
		t.Fatal(err)
	}
	const anew = "registry.test/anew"
	signer, vkey := newLogKey(t, anew)
	registry.log.origin, registry.log.signers, registry.vkey = anew, []note.Signer{signer}, vkey
	named, err := Log(vkey, store)
	must(t, err)
	_, err = registry.fetch(registry.clientWith(named), "1.0.0")
	expectDistrust(t, err, "other_origin")
}

func TestADamagedMemoryIsAnError(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	for _, name := range []string{"known-keys.json", "log/" + fileName(fakeOrigin) + ".json", "log/registry-" + fileName(registry.server.URL) + ".json"} {
		directory := t.TempDir()
		client := registry.clientWith(FirstUse(OpenStore(directory)))
		if _, err := registry.fetch(client, "1.0.0"); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(directory, name)
		for _, text := range []string{"{", `{"registry.test/log":{"hello":{"first":"","seq":0,"last":"","seenAt":""}},"checkpoint":7}`} {
			must(t, os.WriteFile(path, []byte(text), 0o644))
			_, err := registry.fetch(client, "1.0.0")
			if err == nil && !strings.Contains(name, "registry-") || err != nil && !strings.Contains(err.Error(), "is damaged") {
				t.Errorf("%s with %s: %v", name, text, err)
			}
		}
	}
}
