package cpm

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestStrictKeys(t *testing.T) {
	for seed := range byte(8) {
		if !isStrictKey(mustHex(publicHex(newKey(seed)))) {
			t.Errorf("the key of seed %d is refused", seed)
		}
	}
	for _, encoded := range smallOrder {
		if isStrictKey(mustHex(encoded)) || verifyStrict(mustHex(encoded), nil, make([]byte, 64)) {
			t.Errorf("%s is of small order", encoded)
		}
	}
	mixed := func() point {
		honest, _ := decodePoint(mustHex(publicHex(newKey(1))))
		torsion, _ := decodePoint(mustHex(smallOrder[4]))
		return honest.plus(torsion)
	}()
	for name, encoded := range map[string][]byte{
		"a point of mixed order": encodePoint(mixed),
		"y is not below p":       append([]byte{0xee}, append(slices.Repeat([]byte{0xff}, 30), 0x7f)...),
		"a point off the curve":  append([]byte{2}, make([]byte, 31)...),
		"too few bytes":          make([]byte, 31),
	} {
		if isStrictKey(encoded) {
			t.Errorf("%s is accepted: %x", name, encoded)
		}
	}
}

func encodePoint(p point) []byte {
	inverse := new(big.Int).ModInverse(p.z, fieldPrime)
	x, y := mul(p.x, inverse), mul(p.y, inverse)
	encoded := y.FillBytes(make([]byte, 32))
	slices.Reverse(encoded)
	encoded[31] |= byte(x.Bit(0) << 7)
	return encoded
}

func TestASignatureWithSmallOrderRIsRefused(t *testing.T) {
	key := newKey(1)
	signature := ed25519.Sign(key, []byte("message"))
	if !verifyStrict(key.Public().(ed25519.PublicKey), []byte("message"), signature) {
		t.Error("an honest signature is refused")
	}
	copy(signature, mustHex(smallOrder[0]))
	if verifyWithStrictKey(key.Public().(ed25519.PublicKey), []byte("message"), signature) || !isSmallOrder(signature[:32]) {
		t.Error("R of small order is accepted")
	}
}

// The vectors are not part of the repository. CPM_VECTORS names their directory.
func TestPublicVectors(t *testing.T) {
	directory := os.Getenv("CPM_VECTORS")
	if directory == "" {
		t.Skip("CPM_VECTORS does not name a directory with test vectors")
	}
	var wycheproof struct {
		TestGroups []struct {
			PublicKey struct{ Pk string }
			Tests     []struct{ Msg, Sig, Result string }
		}
	}
	readVectors(t, filepath.Join(directory, "wycheproof-ed25519_test.json"), &wycheproof)
	count := 0
	for _, group := range wycheproof.TestGroups {
		for _, each := range group.Tests {
			count++
			signature, _ := hex.DecodeString(each.Sig)
			if got := verifyStrict(mustHex(group.PublicKey.Pk), mustHex(each.Msg), signature); got != (each.Result == "valid") {
				t.Errorf("%s is %s, and verifies: %v", each.Sig, each.Result, got)
			}
		}
	}
	var cctv []struct{ Key, Sig, Msg string }
	readVectors(t, filepath.Join(directory, "cctv-ed25519vectors.json"), &cctv)
	accepted := 0
	for _, each := range cctv {
		if verifyStrict(mustHex(each.Key), []byte(each.Msg), mustHex(each.Sig)) {
			accepted++
		}
	}
	if count != 151 || len(cctv) != 914 || accepted != 1 {
		t.Errorf("%d of Wycheproof, %d of %d of CCTV accepted", count, accepted, len(cctv))
	}
}

func readVectors(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, json.Unmarshal(text, into))
}
