package cpm

import (
	"encoding/hex"
	"slices"
)

// Which key changes the keys before them allow (docs/log-format.md).

const (
	notSigned   = "no key that may sign the package signed it"
	newUnsigned = "the new key did not sign it"
)

// refusalOf says why the keys before a change do not allow it; empty if they do.
func (h *keyHistory) refusalOf(registry string, change *keyLeaf) string {
	message := change.statement(registry)
	count := len(change.signatures)
	isSigned := func(keys []string, at int) bool {
		return at < count && slices.ContainsFunc(keys, func(key string) bool { return h.holds(key, message, change.signatures[at]) })
	}
	isActive := slices.Contains(h.active, change.key)
	isCompromised := slices.ContainsFunc(h.compromised, func(c compromise) bool { return c.key == change.key })
	isPending := h.reset != nil && h.reset.key == change.key
	switch change.action {
	case "add":
		return firstOf(
			refusal{isActive, "the key may sign already"}, refusal{isCompromised, "the key is compromised"},
			refusal{len(h.active) >= activeKeysMax, "too many keys may sign already"},
			refusal{!isSigned(h.active, 0), notSigned}, refusal{!isSigned([]string{change.key}, 1), newUnsigned})
	case "remove":
		// A reset that waits would let a key that was just removed sign again.
		return firstOf(refusal{isPending, "a reset to this key is pending"},
			refusal{count != 1 || !isSigned(h.active, 0), notSigned})
	case "reset":
		return firstOf(refusal{h.reset != nil, "another reset is pending"},
			refusal{isActive || isCompromised, "the key may sign already, or is compromised"},
			refusal{count != 1 || !isSigned([]string{change.key}, 0), newUnsigned})
	case "cancel":
		if isPending && change.by != "-" {
			return firstOf(refusal{count != 0, "an account cancelled it, and it has a signature"})
		}
		return firstOf(refusal{!isPending, "no reset to this key is pending"},
			refusal{isPending && h.reset.upheld, "an administrator upheld the reset against keys"},
			refusal{count != 1 || !isSigned(h.active, 0), notSigned})
	case "uphold":
		return firstOf(refusal{change.by == "-" || count != 0, "only an administrator upholds, without a signature"},
			refusal{!isPending, "no reset to this key is pending"})
	}
	return "the action is unknown"
}

type refusal struct {
	applies bool
	why     string
}

func firstOf(refusals ...refusal) string {
	for _, each := range refusals {
		if each.applies {
			return each.why
		}
	}
	return ""
}

func (h *keyHistory) apply(change *keyLeaf, index int64) {
	switch change.action {
	case "add":
		h.active = append(slices.Clone(h.active), change.key)
	case "remove":
		h.active = slices.DeleteFunc(slices.Clone(h.active), func(key string) bool { return key == change.key })
		if change.reason == "compromised" {
			h.compromised = append(h.compromised, compromise{change.key, change.since, index})
		}
	case "reset":
		h.reset = &pendingReset{key: change.key, at: change.at}
		h.resets = append(h.resets, keyReset{change.seq, change.at})
	case "cancel":
		h.reset = nil
	case "uphold":
		h.reset.upheld = true
	}
}

func (h *keyHistory) holds(key string, message, signature []byte) bool {
	bytes, err := hex.DecodeString(key)
	if err != nil {
		return false
	}
	isStrict, known := h.strict[key]
	if !known {
		isStrict = isStrictKey(bytes)
		h.strict[key] = isStrict
	}
	return isStrict && verifyWithStrictKey(bytes, message, signature)
}
