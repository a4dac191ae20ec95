package cpm

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// retryAfterMax is the longest wait that a registry can ask for.
const retryAfterMax = 60 * time.Second

// A pace says how often, and after which first pause, a request is repeated.
type pace struct {
	tries int
	pause time.Duration
}

var defaultPace = pace{tries: 5, pause: 500 * time.Millisecond}

// An answer is a response whose body was read.
type answer struct {
	*http.Response
	body []byte
}

// retry repeats a request over lost connections and answers that say "later". The pauses double and
// have jitter; a Retry-After of at most a minute is obeyed. The last answer is returned as it is.
func retry(ctx context.Context, p pace, attempt func() (*answer, error)) (*answer, error) {
	for try := 1; ; try++ {
		result, err := attempt()
		if ctx.Err() != nil || try >= p.tries {
			return result, err
		}
		wait, again := waitFor(result, err)
		if !again {
			return result, err
		}
		if wait < 0 {
			pause := p.pause << (try - 1)
			wait = pause/2 + rand.N(pause/2+1)
		}
		select {
		case <-ctx.Done():
			return result, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// waitFor says whether to try again, and after which time; a negative time means the usual pause.
func waitFor(result *answer, err error) (time.Duration, bool) {
	if result == nil {
		var problem *Problem
		isLost := errors.As(err, &problem) && problem.Code == "client_registry_unreachable"
		return -1, isLost && !isPermanent(err)
	}
	switch result.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return -1, false
	}
	seconds, err := strconv.Atoi(result.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return -1, true
	}
	wait := time.Duration(seconds) * time.Second
	return wait, wait <= retryAfterMax
}

// isPermanent tells whether the next try would fail in the same way.
func isPermanent(err error) bool {
	var certificate *tls.CertificateVerificationError
	return errors.Is(err, errRedirect) || errors.As(err, &certificate)
}
