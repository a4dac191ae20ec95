package cpm

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// A Config is what the files under CPM_HOME and the environment say. The cpm-registry program reads
// the same ones (docs/go-client.md).
type Config struct {
	// Home is the directory of the user's files.
	Home string
	// Registry is the address of the registry.
	Registry string
	// Token is the API token for it; empty where there is none.
	Token string
	// LogKey is the verifier key of its log, where the configuration names one.
	LogKey string
	// CAFile has certificates to trust, where the configuration names it.
	CAFile string

	signingKey, passphrase string
}

// DefaultHome returns CPM_HOME, or ~/.cpm.
func DefaultHome() (string, error) {
	if home := os.Getenv("CPM_HOME"); home != "" {
		return home, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".cpm"), err
}

// LoadConfig reads the configuration in a directory, and CPM_REGISTRY, CPM_API_TOKEN,
// CPM_SIGNING_KEY and CPM_SIGNING_KEY_PASSPHRASE.
func LoadConfig(home string) (*Config, error) {
	config := &Config{Home: home, signingKey: os.Getenv("CPM_SIGNING_KEY"), passphrase: os.Getenv("CPM_SIGNING_KEY_PASSPHRASE")}
	if err := config.readRegistry(); err != nil {
		return nil, err
	}
	config.Token = strings.TrimSpace(os.Getenv("CPM_API_TOKEN"))
	if config.Token != "" {
		return config, nil
	}
	var err error
	config.Token, err = readToken(filepath.Join(home, "credentials.json"), config.Registry)
	return config, err
}

// readRegistry finds the registry: CPM_REGISTRY, then registry in the file config. Each is an
// address or a name of registries.
func (c *Config) readRegistry() error {
	path := filepath.Join(c.Home, "config")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	registry, registries, err := parseConfig(string(text))
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", path, err)
	}
	given := cmp.Or(os.Getenv("CPM_REGISTRY"), registry)
	if given == "" {
		return errors.New("no registry is known here; log in to one with cpm-registry login <url>, or set CPM_REGISTRY")
	}
	named := registries[given]
	c.Registry, c.LogKey, c.CAFile = guessScheme(cmp.Or(named["url"], given)), named["key"], named["cafile"]
	return nil
}

func parseConfig(text string) (string, map[string]map[string]string, error) {
	lines, err := yamlLines(text)
	if err != nil {
		return "", nil, err
	}
	registry, _, err := topLevel(lines, "registry")
	if err != nil {
		return "", nil, err
	}
	registries, err := nested(lines, "registries")
	return registry, registries, err
}

// guessScheme takes a host without a scheme as https, and a loopback one as http.
func guessScheme(address string) string {
	if strings.Contains(address, "://") {
		return address
	}
	if parsed, err := url.Parse("//" + address); err == nil && isLoopback(parsed.Hostname()) {
		return "http://" + address
	}
	return "https://" + address
}

// readToken returns the token for an origin. A file that others can read is refused.
func readToken(path, registry string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others; run: chmod 600 %s", path, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var stored map[string]struct {
		Token    string `json:"token"`
		Keychain bool   `json:"keychain"`
	}
	if json.Unmarshal(text, &stored) != nil {
		return "", fmt.Errorf("%s is damaged; remove it, then log in again", path)
	}
	origin, err := originOf(registry)
	if stored[origin].Keychain {
		return "", fmt.Errorf("the token for %s is in the keychain of the system, which this client does not read; set CPM_API_TOKEN", origin)
	}
	return stored[origin].Token, err
}

// originOf returns what credentials are kept under: scheme, host and port.
func originOf(address string) (string, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	host := strings.ToLower(parsed.Host)
	for scheme, port := range map[string]string{"http": ":80", "https": ":443"} {
		if parsed.Scheme == scheme {
			host = strings.TrimSuffix(host, port)
		}
	}
	return parsed.Scheme + "://" + host, nil
}

// Client returns a client of the configured registry, which trusts the configured key of the log,
// or the one that the registry shows first.
func (c *Config) Client(options ...Option) (*Client, error) {
	trust := FirstUse(OpenStore(c.Home))
	if c.LogKey != "" {
		var err error
		if trust, err = Log(c.LogKey, OpenStore(c.Home)); err != nil {
			return nil, err
		}
	}
	all := []Option{WithToken(c.Token), WithTrust(trust)}
	if c.CAFile != "" {
		transport, err := transportFor(c.CAFile)
		if err != nil {
			return nil, err
		}
		all = append(all, WithTransport(transport))
	}
	return New(c.Registry, append(all, options...)...)
}

func transportFor(cafile string) (http.RoundTripper, error) {
	text, err := os.ReadFile(cafile)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate in PEM", cafile)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return transport, nil
}

var keyAsHex = regexp.MustCompile(`^\s*(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{128})\s*$`)

// Signer returns the signing key: CPM_SIGNING_KEY (PEM, hex, a path, or agent:<comment>), else
// keys/default.pem, else the only key in keys/.
func (c *Config) Signer() (Signer, error) {
	given := c.signingKey
	switch {
	case given == "":
		return c.storedKey()
	case strings.Contains(given, "-----BEGIN ") || keyAsHex.MatchString(given):
		return ParseKey([]byte(given), []byte(c.passphrase))
	case strings.HasPrefix(given, "agent:"):
		return AgentSigner(strings.TrimPrefix(given, "agent:"))
	}
	return FileSigner(strings.TrimSpace(given), []byte(c.passphrase))
}

func (c *Config) storedKey() (Signer, error) {
	directory := filepath.Join(c.Home, "keys")
	paths, err := filepath.Glob(filepath.Join(escapeGlob(directory), "*.pem"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	preferred := filepath.Join(directory, "default.pem")
	switch {
	case len(paths) == 0:
		return nil, fmt.Errorf("there is no signing key in %s; make one with cpm-registry key generate, or set CPM_SIGNING_KEY", directory)
	case slices.Contains(paths, preferred):
		return FileSigner(preferred, []byte(c.passphrase))
	case len(paths) == 1:
		return FileSigner(paths[0], []byte(c.passphrase))
	}
	return nil, fmt.Errorf("there are several keys in %s, and none is called default; name one with CPM_SIGNING_KEY=%s", directory, paths[0])
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`[`, `\[`, `*`, `\*`, `?`, `\?`).Replace(path)
}

func keyText(signer Signer) string { return hex.EncodeToString(signer.PublicKey()) }
