package cpm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// stallTimeout ends a download of which nothing arrives any more.
const stallTimeout = 30 * time.Second

// download writes an archive into a file and compares its size and digest with the leaf. It goes on
// where a lost connection ended. More bytes than the leaf names are never read.
func (c *Client) download(ctx context.Context, file *os.File, entry *versionLeaf) error {
	hash := sha256.New()
	target := &arrival{writer: io.MultiWriter(file, hash), file: file, hash: hash}
	_, err := retry(ctx, c.pace, func() (*answer, error) { return c.downloadOnce(ctx, target, entry) })
	if err != nil {
		return err
	}
	if target.size != entry.size || hex.EncodeToString(hash.Sum(nil)) != entry.sha256 {
		return distrust("archive_differs", "the registry sent other bytes for %s %s than the log has", entry.name, entry.version)
	}
	return nil
}

// An arrival is what has arrived of a download.
type arrival struct {
	writer io.Writer
	file   *os.File
	hash   interface{ Reset() }
	size   int64
	etag   string
}

func (a *arrival) restart() error {
	a.size, a.etag = 0, ""
	a.hash.Reset()
	_, err := a.file.Seek(0, io.SeekStart)
	return errors.Join(err, a.file.Truncate(0))
}

func (c *Client) downloadOnce(ctx context.Context, target *arrival, entry *versionLeaf) (*answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(stallTimeout, func() { cancel(errStalled) })
	defer stalled.Stop()
	asked := call{method: http.MethodGet, path: packagePath(entry.name, entry.version, "download"), header: http.Header{}}
	asked.header.Set("Accept-Encoding", "identity")
	if target.size > 0 && target.etag != "" {
		asked.header.Set("Range", fmt.Sprintf("bytes=%d-", target.size))
		asked.header.Set("If-Range", target.etag)
	} else if err := target.restart(); err != nil {
		return nil, err
	}
	response, err := c.sendOnce(ctx, asked)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK && target.size > 0 {
		if err := target.restart(); err != nil {
			return nil, err
		}
	} else if response.StatusCode != http.StatusOK && (response.StatusCode != http.StatusPartialContent || target.size == 0) {
		return c.refusedDownload(response)
	}
	target.etag = response.Header.Get("ETag")
	read := &beat{response.Body, func() { stalled.Reset(stallTimeout) }}
	return c.receive(ctx, target, response, io.LimitReader(read, entry.size+1-target.size))
}

// receive copies a body. A failure of the disk ends the fetch; one of the network is tried again.
func (c *Client) receive(ctx context.Context, target *arrival, response *http.Response, body io.Reader) (*answer, error) {
	buffer := make([]byte, 64<<10)
	for {
		count, err := body.Read(buffer)
		if count > 0 {
			if _, failed := target.writer.Write(buffer[:count]); failed != nil {
				return nil, fmt.Errorf("the archive cannot be written: %w", failed)
			}
			target.size += int64(count)
		}
		if errors.Is(err, io.EOF) {
			return &answer{Response: response}, nil
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return nil, unreachable(c.base, err)
		}
	}
}

// refusedDownload returns the answer, so that one that says "later" is tried again.
func (c *Client) refusedDownload(response *http.Response) (*answer, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return nil, unreachable(c.base, err)
	}
	return &answer{Response: response, body: body}, problemOf(response, body)
}

var errStalled = fmt.Errorf("nothing arrived for %s", stallTimeout)

// A beat tells that a reader is alive.
type beat struct {
	io.Reader
	heard func()
}

func (b *beat) Read(bytes []byte) (int, error) {
	count, err := b.Reader.Read(bytes)
	b.heard()
	return count, err
}
