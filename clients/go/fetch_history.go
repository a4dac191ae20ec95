package cpm

import (
	"context"
	"fmt"
	"net/url"
)

// historyPageMaxBytes is far above what a registry answers at once.
const historyPageMaxBytes = 2 << 20

// fetchHistory asks a registry for the leaves that say who may sign a package, proved to be in the
// tree of size leaves. The proof in the answer to a publish does not carry them.
func (c *Client) fetchHistory(ctx context.Context, name, version string, size int64) ([]provedLeaf, error) {
	query := url.Values{"version": {version}, "size": {fmt.Sprint(size)}}
	var leaves []provedLeaf
	for after := int64(-1); len(leaves) <= historyMax; {
		path := packagePath(name, "log") + "?" + query.Encode()
		body, err := c.get(ctx, path, historyPageMaxBytes)
		if err != nil {
			return nil, err
		}
		var page struct {
			Entries []struct {
				Index int64    `json:"index"`
				Leaf  string   `json:"leaf"`
				Proof []string `json:"proof"`
			} `json:"entries"`
			Next *int64 `json:"next"`
		}
		if err := c.decode(path, body, &page); err != nil {
			return nil, err
		}
		for _, entry := range page.Entries {
			hashes, ok := parseHashes(entry.Proof)
			if !ok || entry.Index < 0 {
				return nil, distrust("history_broken", "leaf %d of %s has a proof that cannot be read", entry.Index, name)
			}
			leaves = append(leaves, provedLeaf{index: entry.Index, text: entry.Leaf, hashes: hashes})
		}
		if page.Next == nil {
			return leaves, nil
		}
		if len(page.Entries) == 0 || *page.Next <= after {
			break
		}
		after = *page.Next
		query.Set("after", fmt.Sprint(after))
	}
	return nil, distrust("history_broken", "the registry answers leaves of %s without an end", name)
}
