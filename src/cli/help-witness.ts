export const WITNESS_HELP = `Usage: cpm-registry witness <name> --log <verifier key> [--log …] [--port <n>] [--host <address>] [--data <directory>]

Watches the logs of other registries: cosigns each checkpoint that only adds to the last one, and never two that
disagree, so that a log cannot show different histories to different people. Keeps its key and what it cosigned in the
data directory. Speaks c2sp.org/tlog-witness; behind a proxy with TLS, tell its logs the outer address.

Options
  --log <key>       the verifier key of a log, as GET <registry>/log/vkey gives it; again for each log
  --port <n>        5001 unless given
  --host <address>  0.0.0.0 unless given
  --data <dir>      witness/ unless given

Example
  cpm-registry witness example.org/witness --log "$(curl -sSf https://cpm.example.org/log/vkey)"
`;
