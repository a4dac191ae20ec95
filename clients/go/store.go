package cpm

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A Store remembers what this user saw of logs and of packages' keys, so that a registry cannot
// show another history later. The cpm-registry program keeps the same files.
type Store struct {
	directory string
}

// OpenStore returns the store in a directory such as ~/.cpm. The files are made when needed.
func OpenStore(directory string) *Store { return &Store{directory: directory} }

// A seenLog is the last checkpoint that was seen of a log, and the key that signed it.
type seenLog struct {
	VKey       string   `json:"vkey"`
	Checkpoint string   `json:"checkpoint"`
	Retired    []string `json:"retired"`
}

// A seenKeys is what was last seen of who may sign a package.
type seenKeys struct {
	First  string `json:"first"`
	Seq    int64  `json:"seq"`
	Last   string `json:"last"`
	SeenAt string `json:"seenAt"`
}

type knownKeys map[string]map[string]seenKeys

const (
	seenTime    = "2006-01-02T15:04:05.000Z"
	fileNameMax = 150
	// lockHeldMax is far longer than anybody holds a lock. Its holder was killed.
	lockHeldMax = 5 * time.Second
)

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (s *Store) logPath(origin string) string {
	name := fileName(origin)
	// A log chooses its origin, and must not get the file of a registry. Nothing else encodes an r.
	if strings.HasPrefix(name, "registry-") {
		name = "%72" + name[1:]
	}
	return filepath.Join(s.directory, "log", name+".json")
}

func (s *Store) registryPath(registry string) string {
	return filepath.Join(s.directory, "log", "registry-"+fileName(registry)+".json")
}

func (s *Store) keysPath() string { return filepath.Join(s.directory, "known-keys.json") }

// log returns what was seen of a log; nil for a new one. A damaged file is an error: to treat the
// log as new would forget what was seen.
func (s *Store) log(origin string) (*seenLog, error) {
	path := s.logPath(origin)
	seen := &seenLog{}
	found, err := readJSON(path, seen)
	if err != nil || !found {
		return nil, err
	}
	if seen.VKey == "" || seen.Checkpoint == "" {
		return nil, damaged(path)
	}
	return seen, nil
}

// saveLog keeps a checkpoint, unless another process has saved a newer one.
func (s *Store) saveLog(origin string, seen *seenLog, size int64) error {
	path := s.logPath(origin)
	if seen.Retired == nil {
		seen.Retired = []string{}
	}
	return withLock(path, func() error {
		there, err := s.log(origin)
		if err != nil || (there != nil && sizeOf(there) > size) {
			return err
		}
		return replaceJSON(path, seen)
	})
}

func sizeOf(seen *seenLog) int64 {
	opened, ok := unverifiedNote(seen.Checkpoint)
	if !ok {
		return 0
	}
	tree, _ := parseCheckpoint(opened.Text)
	return tree.size
}

// originOf returns the origin of the log that a registry had; empty for a new registry.
func (s *Store) originOf(registry string) (string, error) {
	var saved struct {
		Origin string `json:"origin"`
	}
	_, err := readJSON(s.registryPath(registry), &saved)
	return saved.Origin, err
}

func (s *Store) saveOrigin(registry, origin string) error {
	return replaceJSON(s.registryPath(registry), map[string]string{"registry": registry, "origin": origin})
}

// keys returns what was seen of a package in a log; nil for a package that was not seen there.
func (s *Store) keys(origin, foldedName string) (*seenKeys, error) {
	known, err := s.readKeys()
	if err != nil {
		return nil, err
	}
	seen, found := known[origin][foldedName]
	if !found {
		return nil, nil
	}
	return &seen, nil
}

// saveKeys keeps what was seen of a package, unless another process has seen more of it meanwhile.
func (s *Store) saveKeys(origin, foldedName string, seen seenKeys) error {
	return withLock(s.keysPath(), func() error {
		known, err := s.readKeys()
		if err != nil {
			return err
		}
		if known[origin] == nil {
			known[origin] = map[string]seenKeys{}
		}
		if other, found := known[origin][foldedName]; found && other.Seq > seen.Seq {
			return nil
		}
		known[origin][foldedName] = seen
		return replaceJSON(s.keysPath(), known)
	})
}

func (s *Store) readKeys() (knownKeys, error) {
	known := knownKeys{}
	found, err := readJSON(s.keysPath(), &known)
	if err != nil || !found {
		return known, err
	}
	for _, packages := range known {
		for _, seen := range packages {
			at, err := time.Parse(seenTime, seen.SeenAt)
			isTime := err == nil && at.Format(seenTime) == seen.SeenAt
			if !isTime || seen.Seq < 0 || !digestForm.MatchString(seen.First) || !digestForm.MatchString(seen.Last) {
				return nil, damaged(s.keysPath())
			}
		}
	}
	return known, nil
}

func damaged(path string) error {
	return fmt.Errorf("%s is damaged; remove it only if you accept to trust everything in it anew", path)
}

// fileName returns a file name for any text, as encodeURIComponent of JavaScript does. Two texts
// never get the same name: encoding makes no %s, with which the names of long ones begin.
func fileName(text string) string {
	const kept = "-_.!~'()"
	var name strings.Builder
	for _, b := range []byte(text) {
		isAlphanumeric := b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
		if isAlphanumeric || strings.IndexByte(kept, b) >= 0 {
			name.WriteByte(b)
		} else {
			fmt.Fprintf(&name, "%%%02X", b)
		}
	}
	if name.Len() > fileNameMax {
		return "%sha256-" + hexDigest([]byte(text))
	}
	return name.String()
}

func readJSON(path string, into any) (found bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if json.Unmarshal(text, into) != nil {
		return false, damaged(path)
	}
	return true, nil
}

// replaceJSON writes a file durably and by a rename, so that a crash leaves the old or the new one.
func replaceJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	directory := filepath.Dir(path)
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	suffix := make([]byte, 16)
	_, _ = rand.Read(suffix)
	written := filepath.Join(directory, "."+hex.EncodeToString(suffix))
	defer os.Remove(written)
	if err := writeSynced(written, append(text, '\n')); err != nil {
		return err
	}
	return os.Rename(written, path)
}

func writeSynced(path string, bytes []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(bytes)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// withLock runs work while no other process holds the lock of a file. cpm-registry takes the same
// lock: the file <path>.lock exists meanwhile.
func withLock(path string, work func() error) error {
	lock := path + ".lock"
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	var holder time.Time
	since := time.Now()
	for {
		file, err := os.OpenFile(lock, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			file.Close()
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		info, err := os.Stat(lock)
		switch {
		case err != nil || !info.ModTime().Equal(holder):
			if err == nil {
				holder = info.ModTime()
			}
			since = time.Now()
		case time.Since(since) > lockHeldMax:
			os.Remove(lock)
		}
		time.Sleep(10 * time.Millisecond)
	}
	defer os.Remove(lock)
	return work()
}
