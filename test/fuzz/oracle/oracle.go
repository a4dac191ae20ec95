// Go's reading of archives, for differential.test.ts; the standard library only.
//
//	oracle list            reads paths of .tar.gz files, one a line, and answers each with one line of JSON:
//	                       {"files": ["path size sha256", ...]} or {"error": "..."}
//	oracle pack FORMAT DIR writes a tar of a folder in the format ustar, pax or gnu
package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

type reading struct {
	Files []string `json:"files,omitempty"`
	Error string   `json:"error,omitempty"`
}

func main() {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "list":
		err = list(os.Stdin, os.Stdout)
	case len(os.Args) == 4 && os.Args[1] == "pack":
		err = pack(os.Args[2], os.Args[3], os.Stdout)
	default:
		err = errors.New("usage: oracle list | oracle pack FORMAT DIR")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func list(in io.Reader, out io.Writer) error {
	answers := json.NewEncoder(out)
	paths := bufio.NewScanner(in)
	for paths.Scan() {
		files, err := read(paths.Text())
		answer := reading{Files: files}
		if err != nil {
			answer = reading{Error: err.Error()}
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
	return paths.Err()
}

func read(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return nil, err
	}
	files := []string{}
	archive := tar.NewReader(unzipped)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		// Unlike other readers, Go's returns global headers as entries. Programs skip them.
		if header.Typeflag == tar.TypeDir || header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if header.Typeflag != tar.TypeReg {
			return nil, fmt.Errorf("%q has type %q", header.Name, header.Typeflag)
		}
		digest := sha256.New()
		size, err := io.Copy(digest, archive)
		if err != nil {
			return nil, err
		}
		files = append(files, fmt.Sprintf("%s %d %x", header.Name, size, digest.Sum(nil)))
	}
	// The tar reader stops at its end; the gzip checksum stands behind it.
	_, err = io.Copy(io.Discard, unzipped)
	return files, err
}

func pack(format, folder string, out io.Writer) error {
	formats := map[string]tar.Format{"ustar": tar.FormatUSTAR, "pax": tar.FormatPAX, "gnu": tar.FormatGNU}
	archive := tar.NewWriter(out)
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		header, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		header.Format = formats[format]
		if format != "pax" {
			// Only PAX has these, and parts of seconds.
			header.AccessTime, header.ChangeTime = time.Time{}, time.Time{}
			header.ModTime = header.ModTime.Truncate(time.Second)
		}
		if header.Name, err = filepath.Rel(folder, path); err != nil {
			return err
		}
		if err := archive.WriteHeader(header); err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = archive.Write(content)
		return err
	})
	if err != nil {
		return err
	}
	return archive.Close()
}
