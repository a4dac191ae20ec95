/** Everything a person needs to start: commands, options, an example of each. */
export const HELP = `cpm-registry: the package registry of CPM, the package manager of ColonyOS

Usage: cpm-registry [command] [options]

Commands
  serve         run the registry (the default)
  migrate       bring the database up to date; serve does this by itself
  healthcheck   ask a running registry whether it is healthy
  openapi       print the OpenAPI description of the API
  version       print the version (also --version)
  help          print this text

Options
  --config <file>   settings as JSON; the environment goes before it
  --json            print answers as JSON (migrate, version)
  --check           change nothing, exit 1 when migrations are pending (migrate)
  --url <address>   the registry to ask (healthcheck)
  --help            print this text

Examples
  cpm-registry
  PORT=8080 DATA_DIR=/var/lib/cpm cpm-registry serve
  DATABASE_URL=postgres://cpm:secret@db/cpm JWT_KEY="$(openssl rand -base64 48)" cpm-registry
  cpm-registry migrate --check
  cpm-registry healthcheck --url http://localhost:5000
  cpm-registry openapi > openapi.json

Settings come from the environment or the --config file: PORT, HOST, PUBLIC_URL, DATA_DIR, DATABASE_URL, JWT_KEY,
CORS_ORIGINS, REGISTRATION and more; the README lists them all.
`;
