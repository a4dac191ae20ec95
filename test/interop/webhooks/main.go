// Verifies a message with the Go library of Standard Webhooks, as a receiver does. Reads the secret,
// the headers and the body from a file of JSON, and prints the body.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func verify(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var message struct {
		Secret  string
		Headers map[string]string
		Body    string
	}
	if err := json.Unmarshal(text, &message); err != nil {
		return err
	}
	headers := http.Header{}
	for name, value := range message.Headers {
		headers.Set(name, value)
	}
	webhook, err := standardwebhooks.NewWebhook(message.Secret)
	if err != nil {
		return err
	}
	if err := webhook.Verify([]byte(message.Body), headers); err != nil {
		return err
	}
	fmt.Print(message.Body)
	return nil
}

func main() {
	if err := verify(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
