package cpm

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
)

const (
	archiveMaxBytes  = 100 << 20
	unpackedMaxBytes = 128 << 20
	entriesMax       = 10_000
	manifestMaxBytes = 256 << 10
	manifestName     = "colony.yaml"
)

// walkArchive calls visit for every entry of an archive, within the bounds of the registry.
func walkArchive(file string, visit func(*tar.Header, io.Reader) error) error {
	opened, err := os.Open(file)
	if err != nil {
		return err
	}
	defer opened.Close()
	unzipped, err := gzip.NewReader(opened)
	if err != nil {
		return fmt.Errorf("%s is no package: %w", file, err)
	}
	defer unzipped.Close()
	bounded := &io.LimitedReader{R: unzipped, N: unpackedMaxBytes + 1}
	entries := tar.NewReader(bounded)
	for range entriesMax + 1 {
		header, err := entries.Next()
		if bounded.N <= 0 {
			return fmt.Errorf("%s is larger than %d bytes unpacked", file, unpackedMaxBytes)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s is no package: %w", file, err)
		}
		if err := visit(header, entries); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s has more than %d entries", file, entriesMax)
}

// readManifest returns the name and version that the colony.yaml of an archive states.
func readManifest(file string) (name, version string, err error) {
	var text []byte
	err = walkArchive(file, func(header *tar.Header, content io.Reader) (err error) {
		if header.Typeflag != tar.TypeReg || path.Clean(header.Name) != manifestName {
			return nil
		}
		if text != nil || header.Size > manifestMaxBytes {
			return fmt.Errorf("%s has two manifests, or one that is too large", file)
		}
		text, err = io.ReadAll(content)
		return err
	})
	if err != nil {
		return "", "", err
	}
	if text == nil {
		return "", "", fmt.Errorf("%s has no %s at its root", file, manifestName)
	}
	lines, err := yamlLines(string(text))
	if err != nil {
		return "", "", fmt.Errorf("%s of %s: %w", manifestName, file, err)
	}
	name, _, nameErr := topLevel(lines, "name")
	version, _, versionErr := topLevel(lines, "version")
	if err := errors.Join(nameErr, versionErr); err != nil {
		return "", "", fmt.Errorf("%s of %s: %w", manifestName, file, err)
	}
	if name == "" || version == "" {
		return "", "", fmt.Errorf("%s of %s needs a name and a version, each on its line", manifestName, file)
	}
	return name, version, nil
}
