package cpm

import (
	"crypto/ed25519"
	"encoding/hex"
	"math/big"
	"slices"
)

// The policy cpm-strict of the registry: a signature counts only if every careful Ed25519 library
// accepts it. Libraries differ on points of small or mixed order and on encodings that are not
// canonical, so all of these are refused (docs/decisions/0008-strict-signatures.md).

var (
	fieldPrime = prime(255, -19)
	// groupOrder is L of RFC 8032, section 5.1.
	groupOrder, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	curveD        = new(big.Int).Mod(new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), fieldPrime)), fieldPrime)
)

func prime(bits uint, offset int64) *big.Int {
	return new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), bits), big.NewInt(offset))
}

// smallOrder has the canonical encodings of the eight points of small order (Chalkias et al. 2020,
// table 1).
var smallOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
}

// verifyStrict verifies a signature by cpm-strict. crypto/ed25519 refuses an S that is not below
// the group order, and an R that is not canonical.
func verifyStrict(key, message, signature []byte) bool {
	return isStrictKey(key) && verifyWithStrictKey(key, message, signature)
}

// verifyWithStrictKey is verifyStrict for a key that isStrictKey accepted before.
func verifyWithStrictKey(key, message, signature []byte) bool {
	if len(signature) != ed25519.SignatureSize || isSmallOrder(signature[:32]) {
		return false
	}
	return ed25519.Verify(key, message, signature)
}

func isSmallOrder(encoded []byte) bool {
	return slices.Contains(smallOrder, hex.EncodeToString(encoded))
}

// isStrictKey reports whether 32 bytes are the canonical encoding of a point in the group of prime
// order. It takes about a millisecond.
func isStrictKey(encoded []byte) bool {
	if len(encoded) != ed25519.PublicKeySize || isSmallOrder(encoded) {
		return false
	}
	p, ok := decodePoint(encoded)
	if !ok {
		return false
	}
	product := p.times(groupOrder)
	return product.x.Sign() == 0 && product.y.Cmp(product.z) == 0
}

// A point of the curve in extended coordinates (RFC 8032, section 5.1.4).
type point struct{ x, y, z, t *big.Int }

func decodePoint(encoded []byte) (point, bool) {
	bytes := slices.Clone(encoded)
	isOdd := bytes[31]&0x80 != 0
	bytes[31] &= 0x7f
	slices.Reverse(bytes)
	y := new(big.Int).SetBytes(bytes)
	if y.Cmp(fieldPrime) >= 0 {
		return point{}, false
	}
	one := big.NewInt(1)
	square := mul(y, y)
	numerator := mod(new(big.Int).Sub(square, one))
	denominator := mod(new(big.Int).Add(mul(curveD, square), one))
	x := new(big.Int).ModSqrt(mul(numerator, new(big.Int).ModInverse(denominator, fieldPrime)), fieldPrime)
	if x == nil || (x.Sign() == 0 && isOdd) {
		return point{}, false
	}
	if (x.Bit(0) == 1) != isOdd {
		x.Sub(fieldPrime, x)
	}
	return point{x, y, one, mul(x, y)}, true
}

func (p point) times(scalar *big.Int) point {
	product := point{big.NewInt(0), big.NewInt(1), big.NewInt(1), big.NewInt(0)}
	for bit := scalar.BitLen() - 1; bit >= 0; bit-- {
		product = product.plus(product)
		if scalar.Bit(bit) == 1 {
			product = product.plus(p)
		}
	}
	return product
}

// plus is the complete addition of RFC 8032, section 5.1.4, which doubles as well.
func (p point) plus(q point) point {
	a := mul(new(big.Int).Sub(p.y, p.x), new(big.Int).Sub(q.y, q.x))
	b := mul(new(big.Int).Add(p.y, p.x), new(big.Int).Add(q.y, q.x))
	c := mul(new(big.Int).Lsh(mul(p.t, q.t), 1), curveD)
	d := mul(new(big.Int).Lsh(p.z, 1), q.z)
	e, f := mod(new(big.Int).Sub(b, a)), mod(new(big.Int).Sub(d, c))
	g, h := mod(new(big.Int).Add(d, c)), mod(new(big.Int).Add(b, a))
	return point{mul(e, f), mul(g, h), mul(f, g), mul(e, h)}
}

func mul(a, b *big.Int) *big.Int { return mod(new(big.Int).Mul(a, b)) }

func mod(a *big.Int) *big.Int { return a.Mod(a, fieldPrime) }
