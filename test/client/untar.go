// Unpacks an archive with Go's archive/tar, as the CPM client does.
package main

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"log"
	"os"
	"path/filepath"
)

func main() {
	file, err := os.Open(os.Args[1])
	check(err)
	unzipped, err := gzip.NewReader(file)
	check(err)
	for reader := tar.NewReader(unzipped); ; {
		header, err := reader.Next()
		if err == io.EOF {
			return
		}
		check(err)
		path := filepath.Join(os.Args[2], header.Name)
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		out, err := os.Create(path)
		check(err)
		_, err = io.Copy(out, reader)
		check(err)
		check(out.Close())
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
