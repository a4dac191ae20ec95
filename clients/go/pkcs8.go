package cpm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
)

// Encrypted PKCS#8 (RFC 8018): PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC, which openssl and
// cpm-registry write.

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidAES256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

// roundsMax bounds the time that a foreign file can take.
const roundsMax = 10_000_000

type algorithm struct {
	ID         asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

type encryptedKey struct {
	Algorithm algorithm
	Data      []byte
}

type pbes2 struct{ KDF, Cipher algorithm }

type pbkdf2Parameters struct {
	Salt      []byte
	Rounds    int
	KeyLength int       `asn1:"optional"`
	PRF       algorithm `asn1:"optional"`
}

var errEncryption = errors.New("the key is encrypted in a way that is not supported; write it again with: openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256")

func decryptPKCS8(der, passphrase []byte) ([]byte, error) {
	var key encryptedKey
	var scheme pbes2
	var kdf pbkdf2Parameters
	var iv []byte
	if !unmarshal(der, &key) || !key.Algorithm.ID.Equal(oidPBES2) ||
		!unmarshal(key.Algorithm.Parameters.FullBytes, &scheme) || !scheme.KDF.ID.Equal(oidPBKDF2) ||
		!unmarshal(scheme.KDF.Parameters.FullBytes, &kdf) || !kdf.PRF.ID.Equal(oidSHA256) ||
		!scheme.Cipher.ID.Equal(oidAES256) || !unmarshal(scheme.Cipher.Parameters.FullBytes, &iv) {
		return nil, errEncryption
	}
	if kdf.Rounds < 1 || kdf.Rounds > roundsMax || len(iv) != aes.BlockSize ||
		len(key.Data) == 0 || len(key.Data)%aes.BlockSize != 0 {
		return nil, errEncryption
	}
	secret, err := pbkdf2.Key(sha256.New, string(passphrase), kdf.Salt, kdf.Rounds, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(key.Data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, key.Data)
	padding := int(plain[len(plain)-1])
	if padding == 0 || padding > aes.BlockSize {
		return nil, errors.New("the passphrase is wrong")
	}
	return plain[:len(plain)-padding], nil
}

func unmarshal(der []byte, into any) bool {
	rest, err := asn1.Unmarshal(der, into)
	return err == nil && len(rest) == 0
}
