package cpm

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestADownloadThatIsCutGoesOn(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	var ranges []string
	registry.handler = func(w http.ResponseWriter, request *http.Request) bool {
		if !strings.HasSuffix(request.URL.Path, "/download") {
			return false
		}
		ranges = append(ranges, request.Header.Get("Range"))
		if len(ranges) > 1 {
			return false
		}
		archive := registry.archives["1.0.0"]
		w.Header().Set("ETag", `"`+hexDigest(archive)+`"`)
		w.Header().Set("Content-Length", strconv.Itoa(len(archive)))
		_, _ = w.Write(archive[:10])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	if _, err := registry.fetch(registry.client(), "1.0.0"); err != nil {
		t.Fatal(err)
	}
	if len(ranges) != 2 || ranges[0] != "" || ranges[1] != "bytes=10-" {
		t.Errorf("asked for %q", ranges)
	}
}

func TestBusyAnswersAreTriedAgain(t *testing.T) {
	for _, status := range []int{408, 429, 502, 503, 504} {
		registry := newFakeRegistry(t)
		registry.publish("1.0.0", registry.key)
		asked := map[string]int{}
		registry.handler = func(w http.ResponseWriter, request *http.Request) bool {
			asked[request.URL.Path]++
			if asked[request.URL.Path] > 1 {
				return false
			}
			w.Header().Set("Retry-After", "0")
			http.Error(w, "busy", status)
			return true
		}
		if _, err := registry.fetch(registry.client(), "1.0.0"); err != nil {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestAnswersThatAreNoRegistrys(t *testing.T) {
	var status int
	var header http.Header
	var body string
	tries := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tries++
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	defer server.Close()
	client, err := New(server.URL, WithTrust(FirstUse(OpenStore(t.TempDir()))), WithRetries(2, time.Millisecond))
	must(t, err)
	cases := []struct {
		name, code string
		tries      int
		status     int
		header     http.Header
		body       string
	}{
		{"a proxy's page", "client_not_a_registry", 1, 200, nil, "<html>Log in to the network</html>"},
		{"a proxy's error", "client_not_a_registry", 2, 502, nil, "<html>Bad gateway</html>"},
		{"a problem", "version_not_found", 1, 404, http.Header{"Content-Type": {"application/problem+json"}}, `{"code":"version_not_found","detail":"none"}`},
		{"busy for long", "too_many_requests", 1, 429, http.Header{"Content-Type": {"application/json"}, "Retry-After": {"3600"}}, `{"code":"too_many_requests","detail":"later"}`},
		{"an expired token", "unauthenticated", 1, 401, http.Header{"Content-Type": {"application/json"}}, `{"code":"unauthenticated","detail":"log in"}`},
	}
	for _, each := range cases {
		tries, status, header, body = 0, each.status, each.header, each.body
		_, err := client.Fetch(context.Background(), "hello", "1.0.0", FetchOptions{Directory: t.TempDir()})
		var problem *Problem
		if !errors.As(err, &problem) || problem.Code != each.code || problem.Status != each.status || tries != each.tries {
			t.Errorf("%s: %d tries, %v", each.name, tries, err)
		}
		if IsNotFound(err) != (each.status == 404) || IsConflict(err) {
			t.Errorf("%s is taken for another kind of error", each.name)
		}
	}
}

func TestARegistryThatStallsIsGivenUp(t *testing.T) {
	registry := newFakeRegistry(t)
	registry.publish("1.0.0", registry.key)
	registry.handler = func(_ http.ResponseWriter, request *http.Request) bool {
		if strings.HasSuffix(request.URL.Path, "/download") {
			<-request.Context().Done()
		}
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	directory := t.TempDir()
	_, err := registry.client().Fetch(ctx, "hello", "1.0.0", FetchOptions{Directory: directory})
	left, readErr := os.ReadDir(directory)
	must(t, readErr)
	if err == nil || len(left) > 0 {
		t.Errorf("got %v and %d files", err, len(left))
	}
}

func TestAMissingRegistryIsNamed(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client, err := New(server.URL, WithRetries(2, time.Millisecond))
	must(t, err)
	_, err = client.Package(context.Background(), "hello")
	if err == nil || !strings.Contains(err.Error(), server.URL) || !strings.Contains(err.Error(), "check the address") {
		t.Errorf("got %v", err)
	}
}

func TestTheTokenStaysWithItsRegistry(t *testing.T) {
	var elsewhere, own string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		elsewhere = "asked" + request.Header.Get("Authorization")
		answerJSON(w, map[string]string{"name": "hello"})
	}))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		own = request.Header.Get("Authorization")
		http.Redirect(w, request, other.URL, http.StatusFound)
	}))
	defer server.Close()
	client, err := New(server.URL, WithToken("cpm_secret"))
	must(t, err)
	_, err = client.Package(context.Background(), "hello")
	must(t, err)
	if own != "Bearer cpm_secret" || elsewhere != "asked" {
		t.Errorf("the registry got %q, and the other host %q", own, elsewhere)
	}
}

func TestRedirectsToWeakerEncryptionAreRefused(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	tries := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		tries++
		http.Redirect(w, request, plain.URL, http.StatusFound)
	}))
	defer server.Close()
	client, err := New(server.URL, WithTransport(server.Client().Transport), WithRetries(3, time.Millisecond))
	must(t, err)
	_, err = client.Package(context.Background(), "hello")
	if err == nil || !strings.Contains(err.Error(), "from https to http") || tries != 1 {
		t.Errorf("%d tries, %v", tries, err)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "cpm.example.org", "ftp://cpm.example.org", "http://cpm.example.org",
		"https://user:secret@cpm.example.org", "https://cpm.example.org/?a", "http://127.0.0.1.example.org"} {
		if _, err := New(address); err == nil {
			t.Errorf("%q was accepted", address)
		}
	}
	for _, address := range []string{"https://cpm.example.org/registry/", "http://localhost:5000", "http://[::1]:5000", "http://127.0.0.2"} {
		if _, err := New(address); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestTextsOfARegistryCannotMoveTheCursor(t *testing.T) {
	problem := &Problem{Code: "a\x1b[2J", Detail: "b\x1b]0;c\u202Ed", Errors: []Fault{{"/e", "f\r"}}}
	if text := problem.Error(); strings.ContainsAny(text, "\x1b\r\u202E") {
		t.Errorf("got %q", text)
	}
}

func TestCertificatesOfTheConfiguration(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, map[string]string{"name": "hello"})
	}))
	defer server.Close()
	directory := t.TempDir()
	cafile := filepath.Join(directory, "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	must(t, os.WriteFile(cafile, certificate, 0o644))
	client, err := (&Config{Home: directory, Registry: server.URL, CAFile: cafile}).Client()
	must(t, err)
	if _, err := client.Package(context.Background(), "hello"); err != nil {
		t.Error(err)
	}
	began := time.Now()
	other, err := New(server.URL, WithRetries(5, time.Minute))
	must(t, err)
	_, err = other.Package(context.Background(), "hello")
	if err == nil || !strings.Contains(err.Error(), "certificate") || time.Since(began) > 30*time.Second {
		t.Errorf("got %v after %s", err, time.Since(began))
	}
	must(t, os.WriteFile(cafile, []byte("nothing"), 0o644))
	if _, err := (&Config{Registry: server.URL, CAFile: cafile}).Client(); err == nil {
		t.Error("a file without a certificate was accepted")
	}
}
