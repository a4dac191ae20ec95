package cpm

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
)

// A Problem is a registry's refusal (RFC 9457), or an answer that no registry gives.
type Problem struct {
	// Code is stable, such as version_exists. Codes that this client makes begin with client_.
	Code string `json:"code"`
	// Status is the HTTP status; 0 if there was no answer.
	Status int `json:"status"`
	// Detail says what happened and what to do next.
	Detail string `json:"detail"`
	// RequestID names the request in the registry's log.
	RequestID string `json:"requestId"`
	// Errors has every fault of what was sent, if the registry names them.
	Errors []Fault `json:"errors"`
	// Err is what the network reported, if there was no answer.
	Err error `json:"-"`
}

// A Fault is one thing that is wrong with what was sent.
type Fault struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

func (p *Problem) Error() string {
	text := p.Detail
	for _, fault := range p.Errors {
		text += fmt.Sprintf("\n  %s %s", fault.Path, fault.Message)
	}
	text = printable(text)
	if p.Code != "" {
		text += " [" + printable(p.Code) + "]"
	}
	if p.RequestID != "" {
		text += " (request " + printable(p.RequestID) + ")"
	}
	return text
}

// Unwrap returns what the network reported.
func (p *Problem) Unwrap() error { return p.Err }

// IsNotFound reports whether the registry does not have what was asked for.
func IsNotFound(err error) bool { return hasStatus(err, http.StatusNotFound) }

// IsConflict reports whether the registry has something else under this name or version already.
func IsConflict(err error) bool { return hasStatus(err, http.StatusConflict) }

func hasStatus(err error, status int) bool {
	var problem *Problem
	return errors.As(err, &problem) && problem.Status == status
}

// problemOf reads the body of a refusal. A proxy's page becomes client_not_a_registry.
func problemOf(response *http.Response, body []byte) *Problem {
	problem := &Problem{}
	isJSON := strings.Contains(response.Header.Get("Content-Type"), "json")
	if isJSON && json.Unmarshal(body, problem) == nil && problem.Code != "" && problem.Detail != "" {
		problem.Status = response.StatusCode
		return problem
	}
	return notARegistry(response)
}

func notARegistry(response *http.Response) *Problem {
	return &Problem{
		Code:   "client_not_a_registry",
		Status: response.StatusCode,
		Detail: fmt.Sprintf("%s answered %d, and not as a registry does; check the address, and whether a proxy is between",
			response.Request.URL.Redacted(), response.StatusCode),
	}
}

// printable keeps a hostile answer from moving the cursor or reordering text on a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, text)
}
