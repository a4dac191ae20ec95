package cpm

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
)

// The cpm program packs names with backslashes on Windows. Other systems then unpack one file
// called `templates\workflow.json`, and install nothing.

// WithSlashes returns an archive whose names have slashes: the fetched one, or a rewritten copy
// beside it. The copy is made of verified bytes, and has another digest. An archive that would
// write outside of the directory where it is unpacked is refused.
func (f *Fetched) WithSlashes() (string, error) {
	hasBackslash := false
	seen := map[string]bool{}
	err := walkArchive(f.Path, func(header *tar.Header, _ io.Reader) error {
		name, err := slashed(header)
		if err != nil {
			return err
		}
		if seen[name] && name != "." {
			return fmt.Errorf("the archive has two entries %q", name)
		}
		seen[name] = true
		hasBackslash = hasBackslash || strings.Contains(header.Name, `\`)
		return nil
	})
	if err != nil || !hasBackslash {
		return f.Path, err
	}
	rewritten := strings.TrimSuffix(f.Path, ".cpm") + ".slashes.cpm"
	if err := rewriteNames(f.Path, rewritten); err != nil {
		return "", errors.Join(err, os.Remove(rewritten))
	}
	return rewritten, nil
}

func rewriteNames(from, to string) (err error) {
	file, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	zipped := gzip.NewWriter(file)
	entries := tar.NewWriter(zipped)
	err = walkArchive(from, func(header *tar.Header, content io.Reader) error {
		name, err := slashed(header)
		if err != nil {
			return err
		}
		header.Name = name
		header.Format, header.PAXRecords = tar.FormatUnknown, nil
		if err := entries.WriteHeader(header); err != nil {
			return err
		}
		_, err = io.Copy(entries, content)
		return err
	})
	return errors.Join(err, entries.Close(), zipped.Close())
}

var driveLetter = regexp.MustCompile(`^[A-Za-z]:`)

// slashed returns the name of an entry with slashes, without a ./ before it. It refuses names that
// lead outside, and everything but files and directories.
func slashed(header *tar.Header) (string, error) {
	if header.Typeflag != tar.TypeReg && header.Typeflag != tar.TypeDir {
		return "", fmt.Errorf("the archive has an entry %q that is neither file nor directory", header.Name)
	}
	name := strings.ReplaceAll(header.Name, `\`, "/")
	cleaned := path.Clean(name)
	if path.IsAbs(name) || cleaned == ".." || strings.HasPrefix(cleaned, "../") || driveLetter.MatchString(name) || strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("the archive would write outside of its directory: %q", header.Name)
	}
	return cleaned, nil
}
