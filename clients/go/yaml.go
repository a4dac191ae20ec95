package cpm

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The part of YAML that the configuration and the head of a manifest have: block maps of scalars on
// one line. Anything else under a key that is needed is an error, never a guess.

// A yamlLine is a line that is neither empty nor a comment.
type yamlLine struct {
	number, indent int
	key, value     string
	isPair         bool
}

func yamlLines(text string) ([]yamlLine, error) {
	var lines []yamlLine
	text = strings.TrimPrefix(text, "\ufeff")
	for at, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \r")
		content := strings.TrimLeft(line, " ")
		if content == "" || strings.HasPrefix(content, "#") || line == "---" {
			continue
		}
		read := yamlLine{number: at + 1, indent: len(line) - len(content)}
		key, value, found := strings.Cut(content, ":")
		if found && (value == "" || value[0] == ' ' || value[0] == '\t') && !strings.HasPrefix(content, "- ") {
			read.isPair = true
			var err error
			if read.key, err = yamlScalar(key); err != nil {
				return nil, fmt.Errorf("line %d: %w", at+1, err)
			}
			read.value = strings.TrimSpace(value)
		}
		lines = append(lines, read)
	}
	return lines, nil
}

// topLevel returns the scalar of a key of the outermost map. A key that is there twice is an error.
func topLevel(lines []yamlLine, key string) (value string, found bool, err error) {
	for _, line := range lines {
		if line.indent != 0 || !line.isPair || line.key != key {
			continue
		}
		if found {
			return "", false, fmt.Errorf("line %d: %s is there twice", line.number, key)
		}
		found = true
		if value, err = yamlScalar(line.value); err != nil {
			return "", false, fmt.Errorf("line %d: %w", line.number, err)
		}
	}
	return value, found, nil
}

// nested returns the maps under a key of the outermost map, by their names.
func nested(lines []yamlLine, key string) (map[string]map[string]string, error) {
	maps := map[string]map[string]string{}
	name, nameIndent, inside := "", 0, false
	for _, line := range lines {
		if line.indent == 0 {
			inside = line.isPair && line.key == key
			name, nameIndent = "", 0
			if inside && line.value != "" && line.value != "{}" && line.value[0] != '#' {
				return nil, fmt.Errorf("line %d: write %s as a block, one key a line", line.number, key)
			}
			continue
		}
		if !inside {
			continue
		}
		if !line.isPair || strings.HasPrefix(line.value, "{") {
			return nil, fmt.Errorf("line %d: write %s as a block, one key a line", line.number, key)
		}
		if nameIndent == 0 || line.indent == nameIndent {
			name, nameIndent = line.key, line.indent
			maps[name] = map[string]string{}
			continue
		}
		value, err := yamlScalar(line.value)
		if err != nil || line.indent < nameIndent {
			return nil, fmt.Errorf("line %d: it cannot be read", line.number)
		}
		maps[name][line.key] = value
	}
	return maps, nil
}

// yamlScalar reads a plain or quoted scalar with its comment.
func yamlScalar(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", nil
	}
	switch text[0] {
	case '"', '\'':
		end := closingQuote(text)
		rest := ""
		if end > 0 {
			rest = strings.TrimSpace(text[end+1:])
		}
		if end < 0 || (rest != "" && rest[0] != '#') {
			return "", fmt.Errorf("the quotes do not end on the line")
		}
		if text[0] == '\'' {
			return strings.ReplaceAll(text[1:end], "''", "'"), nil
		}
		var value string
		if json.Unmarshal([]byte(text[:end+1]), &value) != nil {
			return "", fmt.Errorf("an escape in the quotes is unknown")
		}
		return value, nil
	case '|', '>', '&', '*', '!', '[', '{', '%', '@', '`':
		return "", fmt.Errorf("write the value on the line, plain or in quotes")
	}
	if comment := strings.Index(text, " #"); comment >= 0 {
		text = strings.TrimSpace(text[:comment])
	}
	return text, nil
}

// closingQuote returns where a quoted scalar ends; -1 if it does not.
func closingQuote(text string) int {
	quote := text[0]
	for at := 1; at < len(text); at++ {
		switch {
		case quote == '"' && text[at] == '\\':
			at++
		case quote == '\'' && text[at] == quote && at+1 < len(text) && text[at+1] == quote:
			at++
		case text[at] == quote:
			return at
		}
	}
	return -1
}
