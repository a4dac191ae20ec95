module cpm-registry/fuzz/yaml

go 1.26.0

require (
	github.com/Masterminds/semver/v3 v3.3.0
	gopkg.in/yaml.v3 v3.0.1
)
