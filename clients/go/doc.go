// Package cpm is a client of cpm-registry, the package registry for CPM.
//
// It publishes signed archives, searches, and fetches archives that it verifies: digest, signature,
// the package's key history and the transparency log. What does not verify is never left under its
// name. The trust that a fetch needs is one of [FirstUse], [Log] and [Pinned].
//
// [Service] has the methods that the cpm program asks of a registry. It takes its settings from the
// files and variables that the cpm-registry program uses too.
package cpm
