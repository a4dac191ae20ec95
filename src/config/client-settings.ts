import { homedir } from "node:os";
import { join } from "node:path";
import { Secret } from "./secret.ts";

/**
 * What commands that talk to a registry take from the environment. None of it is a server's
 * setting.
 */
export interface ClientSettings {
  /** The directory of the user's files: `CPM_HOME`, or `~/.cpm`. */
  readonly home: string;
  /** The name or address of the registry. */
  readonly registry: string | undefined;
  readonly token: Secret<string> | undefined;
  /** The text or the path of a signing key. */
  readonly signingKey: Secret<string> | undefined;
  readonly passphrase: Secret<string> | undefined;
  /** Whether a machine runs the command, so that questions have no answer. */
  readonly isContinuousIntegration: boolean;
  /** `NO_COLOR` (no-color.org). */
  readonly forbidsColor: boolean;
  readonly isDumbTerminal: boolean;
  /** A file with the certificates to trust in place of the system's. */
  readonly certificateFile: string | undefined;
  readonly sshAgentSocket: string | undefined;
  /** The proxy that `fetch` uses for https, for reports. */
  readonly proxy: string | undefined;
}

function secretOf(text: string | undefined): Secret<string> | undefined {
  return text === undefined || text === "" ? undefined : new Secret(text);
}

/** Reads the environment of a client. `HTTPS_PROXY` and `NO_PROXY` are read by `fetch` itself. */
export function readClientSettings(environment: Readonly<Record<string, string | undefined>> = process.env) {
  const { CPM_HOME, CPM_REGISTRY, CPM_API_TOKEN, CPM_SIGNING_KEY, CPM_SIGNING_KEY_PASSPHRASE } = environment;
  const { CI, NO_COLOR, TERM, SSL_CERT_FILE, SSH_AUTH_SOCK, HTTPS_PROXY, https_proxy } = environment;
  const settings: ClientSettings = {
    home: CPM_HOME || join(homedir(), ".cpm"),
    registry: CPM_REGISTRY || undefined,
    token: secretOf(CPM_API_TOKEN?.trim()),
    signingKey: secretOf(CPM_SIGNING_KEY),
    passphrase: secretOf(CPM_SIGNING_KEY_PASSPHRASE),
    isContinuousIntegration: CI !== undefined && !/^(|0|false)$/i.test(CI),
    forbidsColor: NO_COLOR !== undefined && NO_COLOR !== "",
    isDumbTerminal: TERM === "dumb",
    certificateFile: SSL_CERT_FILE || undefined,
    sshAgentSocket: SSH_AUTH_SOCK || undefined,
    proxy: HTTPS_PROXY || https_proxy || undefined,
  };
  return settings;
}
