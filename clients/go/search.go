package cpm

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Summary is a package as lists show it.
type Summary struct {
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Latest      string    `json:"latest"`
	Tags        []string  `json:"tags"`
	Owners      []string  `json:"owners"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
	Downloads   int64     `json:"downloads"`
	// Status is active, deprecated or archived.
	Status string `json:"status"`
}

// A Package is a package with its versions, newest first.
type Package struct {
	Summary
	Versions []Version `json:"versions"`
}

// A Version is one published version, as the registry describes it. Nothing in it is verified.
type Version struct {
	Name         string       `json:"name"`
	Version      string       `json:"version"`
	Description  string       `json:"description"`
	SHA256       string       `json:"sha256"`
	Size         int64        `json:"size"`
	PublishedAt  time.Time    `json:"publishedAt"`
	PublishedBy  string       `json:"publishedBy"`
	Yanked       bool         `json:"yanked"`
	YankReason   string       `json:"yankReason"`
	Dependencies []Dependency `json:"dependencies"`
	Tags         []string     `json:"tags"`
	Signature    struct {
		Scheme    string `json:"scheme"`
		KeyID     string `json:"keyId"`
		PublicKey string `json:"publicKey"`
	} `json:"signature"`
	LogIndex int64     `json:"logIndex"`
	Warnings []Warning `json:"warnings"`
}

// A Dependency is another package that a version needs.
type Dependency struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// A Warning is something in an archive that the registry accepts and that may be a mistake.
type Warning struct {
	Code    string `json:"code"`
	Path    string `json:"path"`
	Message string `json:"message"`
}

// A Query selects packages. The zero Query selects all.
type Query struct {
	Text   string
	Tags   []string
	Author string
	// Sort is relevance, downloads, updated or name.
	Sort string
}

// Search returns the packages of a query. It asks for the next page only when it is needed, and
// neither skips nor repeats a package when the list changes meanwhile.
func (c *Client) Search(ctx context.Context, query Query) iter.Seq2[Summary, error] {
	const pageSize, pagesMax = 100, 100_000
	return func(yield func(Summary, error) bool) {
		cursor := ""
		for range pagesMax {
			var page struct {
				Items      []Summary `json:"items"`
				NextCursor *string   `json:"nextCursor"`
			}
			if err := c.getJSON(ctx, "/api/packages?"+query.values(cursor, pageSize).Encode(), &page); err != nil {
				yield(Summary{}, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.NextCursor == nil || *page.NextCursor == "" || *page.NextCursor == cursor {
				return
			}
			cursor = *page.NextCursor
		}
	}
}

func (q Query) values(cursor string, pageSize int) url.Values {
	values := url.Values{"pageSize": {strconv.Itoa(pageSize)}}
	for name, value := range map[string]string{"search": q.Text, "tags": strings.Join(q.Tags, ","),
		"author": q.Author, "sort": q.Sort, "cursor": cursor} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}

// Package returns a package with its versions.
func (c *Client) Package(ctx context.Context, name string) (*Package, error) {
	found := &Package{}
	return found, c.getJSON(ctx, packagePath(name), found)
}

// Version returns what the registry says about a version; "latest" is the highest release that is
// not yanked.
func (c *Client) Version(ctx context.Context, name, version string) (*Version, error) {
	found := &Version{}
	return found, c.getJSON(ctx, packagePath(name, version), found)
}
