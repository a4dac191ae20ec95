package cpm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	answerMaxBytes = 32 << 20
	answerTimeout  = 30 * time.Second
	redirectsMax   = 3
	userAgent      = "cpm-registry-go"
)

// A Client talks to one registry. It is safe for concurrent use.
type Client struct {
	base     string
	token    string
	http     *http.Client
	trust    Trust
	pace     pace
	insecure bool
}

// An Option changes how a [Client] works.
type Option func(*Client)

// WithToken sends an API token with every request to the registry.
func WithToken(token string) Option { return func(c *Client) { c.token = token } }

// WithTrust says what [Client.Fetch] and [Client.Publish] believe.
func WithTrust(trust Trust) Option { return func(c *Client) { c.trust = trust } }

// WithTransport replaces the HTTP transport, for example to trust other certificates.
func WithTransport(transport http.RoundTripper) Option {
	return func(c *Client) { c.http.Transport = transport }
}

// WithInsecureHTTP allows http to other hosts than this one. Tokens travel unencrypted.
func WithInsecureHTTP() Option { return func(c *Client) { c.insecure = true } }

// WithRetries says how often a request is tried, and how long the first pause is. The default is
// five tries and half a second.
func WithRetries(tries int, pause time.Duration) Option {
	return func(c *Client) { c.pace = pace{tries: max(tries, 1), pause: pause} }
}

// New returns a client of the registry at an address such as https://cpm.example.org.
func New(address string, options ...Option) (*Client, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "https" && parsed.Scheme != "http") {
		return nil, fmt.Errorf("%q is not the address of a registry, such as https://cpm.example.org", address)
	}
	if parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" {
		return nil, errors.New("the address of a registry has no user name, password, ? or #")
	}
	client := &Client{base: strings.TrimRight(parsed.String(), "/"), pace: defaultPace}
	client.http = &http.Client{CheckRedirect: checkRedirect}
	for _, option := range options {
		option(client)
	}
	if parsed.Scheme == "http" && !client.insecure && !isLoopback(parsed.Hostname()) {
		return nil, fmt.Errorf("%s would get tokens unencrypted; use https", client.base)
	}
	return client, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

var errRedirect = errors.New("the registry redirects")

// checkRedirect follows a few redirects, never to weaker encryption, and without the token to
// another origin.
func checkRedirect(request *http.Request, via []*http.Request) error {
	first := via[0].URL
	if len(via) > redirectsMax {
		return fmt.Errorf("%w too often", errRedirect)
	}
	if request.URL.Scheme != "https" && first.Scheme == "https" {
		return fmt.Errorf("%w from https to http", errRedirect)
	}
	if request.URL.Host != first.Host || request.URL.Scheme != first.Scheme {
		request.Header.Del("Authorization")
	}
	return nil
}

// A call is one request, which may be tried more than once.
type call struct {
	method string
	path   string
	header http.Header
	// body is called for every try. It may be nil.
	body        func() (io.Reader, int64)
	contentType string
}

// sendOnce sends a request without repeating it. The caller closes the body of the answer.
func (c *Client) sendOnce(ctx context.Context, asked call) (*http.Response, error) {
	var body io.Reader
	var size int64
	if asked.body != nil {
		body, size = asked.body()
	}
	request, err := http.NewRequestWithContext(ctx, asked.method, c.base+asked.path, body)
	if err != nil {
		return nil, err
	}
	for name, values := range asked.header {
		request.Header[name] = values
	}
	request.Header.Set("User-Agent", userAgent)
	if body != nil {
		request.ContentLength = size
		request.Header.Set("Content-Type", asked.contentType)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, unreachable(c.base, err)
	}
	return response, nil
}

func unreachable(base string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	detail := fmt.Sprintf("%s cannot be reached: %v; check the address, and whether the registry is running", base, err)
	return &Problem{Code: "client_registry_unreachable", Detail: detail, Err: err}
}

// read returns the whole answer to a request. Every status but 2xx is a *Problem.
func (c *Client) read(ctx context.Context, asked call, maxBytes int64, timeout time.Duration) ([]byte, error) {
	response, err := retry(ctx, c.pace, func() (*answer, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		response, err := c.sendOnce(ctx, asked)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(io.LimitReader(response.Body, maxBytes+1))
		if err != nil {
			return nil, unreachable(c.base, err)
		}
		if int64(len(body)) > maxBytes {
			return nil, &Problem{Code: "client_answer_too_large", Status: response.StatusCode,
				Detail: fmt.Sprintf("%s%s answered more than %d bytes", c.base, asked.path, maxBytes)}
		}
		return &answer{Response: response, body: body}, nil
	})
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		return nil, problemOf(response.Response, response.body)
	}
	return response.body, nil
}

func (c *Client) get(ctx context.Context, path string, maxBytes int64) ([]byte, error) {
	return c.read(ctx, call{method: http.MethodGet, path: path}, maxBytes, answerTimeout)
}

// getJSON decodes the answer to a GET.
func (c *Client) getJSON(ctx context.Context, path string, into any) error {
	body, err := c.get(ctx, path, answerMaxBytes)
	if err != nil {
		return err
	}
	return c.decode(path, body, into)
}

func (c *Client) decode(path string, body []byte, into any) error {
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(into); err != nil {
		return &Problem{Code: "client_not_a_registry", Status: http.StatusOK, Err: err,
			Detail: fmt.Sprintf("%s%s did not answer as a registry does; check the address, and whether a proxy is between", c.base, path)}
	}
	return nil
}

func packagePath(name string, more ...string) string {
	path := "/api/packages/" + url.PathEscape(name)
	for _, part := range more {
		path += "/" + url.PathEscape(part)
	}
	return path
}
