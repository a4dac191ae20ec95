// The client's reading of manifests, values and dependency ranges, for yaml.test.ts: gopkg.in/yaml.v3 and
// Masterminds/semver in the versions that the client is built with.
//
// Reads one question a line, {"document": "<base64>"} or {"range": "<text>"}, and answers each with one line of JSON.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/Masterminds/semver/v3"
	"gopkg.in/yaml.v3"
)

// maintainer, dependency and conditions are those of the client's manifest.
type maintainer struct {
	Name  string `yaml:"name" json:"name"`
	Email string `yaml:"email,omitempty" json:"email"`
	URL   string `yaml:"url,omitempty" json:"url"`
}

type dependency struct {
	Name    string `yaml:"name" json:"name"`
	Version string `yaml:"version" json:"version"`
}

type conditions struct {
	ColonyOSVersion string `yaml:"colonyOSVersion,omitempty" json:"colonyOSVersion"`
	Architecture    string `yaml:"architecture,omitempty" json:"architecture"`
}

// clientManifest has the fields that the client decodes today.
type clientManifest struct {
	APIVersion   string       `yaml:"apiVersion"`
	Name         string       `yaml:"name"`
	Version      string       `yaml:"version"`
	Description  string       `yaml:"description"`
	Maintainers  []maintainer `yaml:"maintainers"`
	Dependencies []dependency `yaml:"dependencies"`
	Conditions   *conditions  `yaml:"conditions,omitempty"`
}

type input struct {
	Key         string `yaml:"key" json:"key"`
	Label       string `yaml:"label" json:"label"`
	Type        string `yaml:"type" json:"type"`
	Description string `yaml:"description,omitempty" json:"description"`
	Required    bool   `yaml:"required" json:"required"`
	Default     any    `yaml:"default,omitempty" json:"default"`
	Options     []any  `yaml:"options,omitempty" json:"-"`
}

// manifest has all fields that the registry shows.
type manifest struct {
	APIVersion   string       `yaml:"apiVersion" json:"apiVersion"`
	Name         string       `yaml:"name" json:"name"`
	Version      string       `yaml:"version" json:"version"`
	Description  string       `yaml:"description" json:"description"`
	Maintainers  []maintainer `yaml:"maintainers" json:"maintainers"`
	Dependencies []dependency `yaml:"dependencies" json:"dependencies"`
	Conditions   *conditions  `yaml:"conditions,omitempty" json:"conditions"`
	Inputs       []input      `yaml:"inputs,omitempty" json:"inputs"`
	Tags         []string     `yaml:"tags,omitempty" json:"tags"`
	Keywords     []string     `yaml:"keywords,omitempty" json:"keywords"`
	License      string       `yaml:"license,omitempty" json:"license"`
	Homepage     string       `yaml:"homepage,omitempty" json:"homepage"`
	Repository   string       `yaml:"repository,omitempty" json:"repository"`
	PublicKey    string       `yaml:"publicKey,omitempty" json:"publicKey"`
}

type question struct {
	Document []byte  `json:"document"`
	Range    *string `json:"range"`
}

type answer struct {
	// ClientError is why the client cannot read the manifest.
	ClientError string    `json:"clientError,omitempty"`
	Error       string    `json:"error,omitempty"`
	Manifest    *manifest `json:"manifest,omitempty"`
	// Values is "ok", "empty" or why the client cannot read the document as values.yaml.
	Values string `json:"values,omitempty"`
}

func main() {
	answers := json.NewEncoder(os.Stdout)
	questions := bufio.NewScanner(os.Stdin)
	questions.Buffer(nil, 64<<20)
	for questions.Scan() {
		var asked question
		if err := json.Unmarshal(questions.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := answers.Encode(answerTo(asked)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func answerTo(asked question) answer {
	if asked.Range != nil {
		_, err := semver.NewConstraint(*asked.Range)
		return answer{Error: text(err)}
	}
	var client clientManifest
	var full manifest
	result := answer{
		ClientError: text(caught(func() error { return yaml.Unmarshal(asked.Document, &client) })),
		Error:       text(caught(func() error { return yaml.Unmarshal(asked.Document, &full) })),
		Values:      values(asked.Document),
	}
	if result.Error == "" {
		for at := range full.Inputs {
			full.Inputs[at].Default = plain(full.Inputs[at].Default)
		}
		result.Manifest = &full
	}
	return result
}

func values(document []byte) string {
	var decoded map[string]interface{}
	err := caught(func() error { return yaml.NewDecoder(bytes.NewReader(document)).Decode(&decoded) })
	switch {
	case errors.Is(err, io.EOF):
		return "empty"
	case err != nil:
		return err.Error()
	case decoded == nil:
		return "empty"
	default:
		return "ok"
	}
}

// caught makes a panic an error: it ends the client, too.
func caught(read func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v", reason)
		}
	}()
	return read()
}

func text(err error) string {
	if err == nil {
		return ""
	}
	if err.Error() == "" {
		return "an error without a text"
	}
	return err.Error()
}

// plain makes JSON of a decoded value. What JSON cannot have becomes {"$": "<kind>"}.
func plain(value any) any {
	switch value := value.(type) {
	case time.Time:
		return map[string]any{"$": "time"}
	case int64, uint64:
		return map[string]any{"$": "large"}
	case int:
		if value > 1<<53-1 || value < -(1<<53-1) {
			return map[string]any{"$": "large"}
		}
		return value
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) || (value == math.Trunc(value) && math.Abs(value) > 1<<53-1) {
			return map[string]any{"$": "large"}
		}
		return value
	case []any:
		list := make([]any, len(value))
		for at, entry := range value {
			list[at] = plain(entry)
		}
		return list
	case map[string]any:
		fields := map[string]any{}
		for key, entry := range value {
			fields[key] = plain(entry)
		}
		return fields
	case map[any]any:
		return map[string]any{"$": "map"}
	default:
		return value
	}
}
