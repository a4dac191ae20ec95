module github.com/colonyos/cpm-registry/clients/go

go 1.25.0

require (
	golang.org/x/crypto v0.55.0
	golang.org/x/mod v0.40.0
)

require golang.org/x/sys v0.47.0 // indirect
