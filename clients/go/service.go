package cpm

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
)

// A Service is a registry for the cpm program. It has the methods of its RegistryService, and
// prints what it did as its mock does.
type Service struct {
	home   string
	output io.Writer
}

// NewService returns the registry that the user's configuration names. The directory is that of the
// user's files; empty means CPM_HOME or ~/.cpm. The configuration is read at the first use: whoever
// installs a package from disk needs no registry.
func NewService(home string) (*Service, error) {
	if home == "" {
		var err error
		if home, err = DefaultHome(); err != nil {
			return nil, err
		}
	}
	return &Service{home: home, output: os.Stdout}, nil
}

func (s *Service) connect() (*Client, *Config, error) {
	config, err := LoadConfig(s.home)
	if err != nil {
		return nil, nil, err
	}
	client, err := config.Client()
	return client, config, err
}

// Publish signs and uploads an archive, and verifies that the log has it.
func (s *Service) Publish(artifactPath string) error {
	client, config, err := s.connect()
	if err != nil {
		return err
	}
	signer, err := config.Signer()
	if err != nil {
		return err
	}
	published, err := client.Publish(context.Background(), artifactPath, signer, PublishOptions{})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.output, "Published %s %s to %s, log index %d\n",
		printable(published.Name), printable(published.Version.Version), client.base, published.LogIndex)
	for _, warning := range published.Warnings {
		fmt.Fprintln(s.output, "Warning:", printable(warning.Message))
	}
	return nil
}

// Fetch downloads and verifies a version, and returns the path of its archive, in a temporary
// directory. Names of files have slashes there, wherever it was packed.
func (s *Service) Fetch(packageName, version string) (string, error) {
	client, _, err := s.connect()
	if err != nil {
		return "", err
	}
	fetched, err := client.Fetch(context.Background(), packageName, version, FetchOptions{})
	if err != nil {
		return "", err
	}
	path, err := fetched.WithSlashes()
	if err != nil {
		_ = fetched.Close()
		return "", err
	}
	fmt.Fprintf(s.output, "Verified %s %s, signed by %s\n", fetched.Name, fetched.Version, fetched.PublicKey)
	if fetched.Yanked {
		fmt.Fprintln(s.output, "Warning: the version is yanked")
	}
	return path, nil
}

// Search returns packages as <name>-<latest version>.cpm, the form that the cpm program shows.
func (s *Service) Search(query string) ([]string, error) {
	const shownMax = 1000
	client, _, err := s.connect()
	if err != nil {
		return nil, err
	}
	var names []string
	for found, err := range client.Search(context.Background(), Query{Text: query}) {
		if err != nil {
			return nil, err
		}
		names = append(names, printable(found.Name)+"-"+cmp.Or(printable(found.Latest), "none")+".cpm")
		if len(names) >= shownMax {
			break
		}
	}
	return names, nil
}
