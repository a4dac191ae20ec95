/** @jsxImportSource preact */

import { type KeyChangeView, type PackageKeysView, readPackageKeys } from "../../keys/read-package-keys.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import type { ShownVersion } from "../../packages/read-shown-version.ts";
import { keyIdOf } from "../../signing/verify-archive.ts";
import type { PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { tabPath } from "./package-address.ts";
import { tabPage } from "./package-frame.tsx";
import { isAliasOf, shownVersionOf } from "./shown-version.ts";
import { TableRegion } from "./table-region.tsx";
import { Command, Day } from "./texts.tsx";

interface OfTrust extends OfVisit {
  readonly shown: ShownVersion;
  readonly keys: PackageKeysView;
}

/** Long hexadecimal text, which a phone may break anywhere. */
function Hex({ text }: { readonly text: string }) {
  return <code class="hex">{text}</code>;
}

function SignedBy({ shown: { version }, keys }: OfTrust) {
  const { signature, logIndex, publishedBy, publishedAt, sha256 } = version;
  const pinned = keys.keys.find(({ publicKey }) => publicKey === signature.publicKey);
  return (
    <dl class="facts">
      <dt>Signed with key</dt>
      <dd>
        <Hex text={signature.keyId} />
        {pinned !== undefined && (
          <p class="hint">
            Trusted for this package since <Day at={pinned.addedAt} />
            {pinned.endedAt !== null && (
              <>
                {" until "}
                <Day at={pinned.endedAt} /> ({pinned.status})
              </>
            )}
          </p>
        )}
      </dd>
      <dt>Public key</dt>
      <dd>
        <Hex text={signature.publicKey} />
      </dd>
      <dt>Published</dt>
      <dd>
        <Day at={publishedAt} /> by {publishedBy}
      </dd>
      <dt>Archive (SHA-256)</dt>
      <dd>
        <Hex text={sha256} />
      </dd>
      {logIndex !== null && (
        <>
          <dt>Entry in the log</dt>
          <dd>{logIndex}</dd>
        </>
      )}
    </dl>
  );
}

function Verify({ visit, shown: { version } }: OfTrust) {
  const { name } = version;
  const number = version.version;
  const address = `${visit.root}${tabPath(name, number, "")}`;
  return (
    <section>
      <h2>Verify it yourself</h2>
      <p>
        Nobody has to trust this registry. This command checks the archive, its signature, the keys of the package and
        the log, and remembers what it saw:
      </p>
      <Command
        text={`cpm-registry verify ${name}@${number} --registry ${visit.base}`}
        label="the command that verifies"
      />
      <p>
        <button
          type="button"
          hidden
          data-verify
          data-name={name}
          data-version={number}
          data-log={`${address}/verification`}
          data-archive={`${address}/download`}
        >
          Verify in this browser
        </button>
      </p>
      <ol id="verification" class="steps" aria-live="polite" />
      <p class="hint" hidden data-of-button>
        The button is quick, and proves less: its script comes from the server that it checks, and it cannot see whether
        other people are shown another log. The command compares with what you saw before.
      </p>
      <p>
        <a href={`${address}/proof`} download={`${name}-${number}.tlog-proof`}>
          Proof to keep
        </a>
        {" · "}
        <a href={`${visit.root}help#verify`}>How verifying works</a>
        {" · "}
        <a href={`${visit.root}log`}>The log and its checkpoint</a>
      </p>
    </section>
  );
}

const CHANGES: Readonly<Record<KeyChangeView["action"], string>> = {
  add: "Added",
  remove: "Removed",
  reset: "Reset asked for, to",
  cancel: "Reset cancelled, to",
  uphold: "Reset upheld by an administrator, to",
};

function KeyHistory({ keys: { changes, keys } }: OfTrust) {
  const [first] = keys;
  return (
    <section>
      <h2>Keys of this package</h2>
      <TableRegion label="Keys">
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col">State</th>
            <th scope="col">Since</th>
          </tr>
        </thead>
        <tbody>
          {keys.map(({ keyId, publicKey, status, addedAt, compromisedSince }) => (
            <tr key={publicKey}>
              <td>
                <code>{keyId}</code>
              </td>
              <td>
                {status}
                {compromisedSince !== null && `, nothing since ${compromisedSince} is trusted`}
              </td>
              <td>
                <Day at={addedAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </TableRegion>
      {changes.length === 0 && first !== undefined && (
        <p class="hint">The first version pinned its key. It has not changed since.</p>
      )}
      {changes.length > 0 && (
        <ol class="steps">
          {changes.map(({ seq, action, publicKey, by, at }) => (
            <li key={seq}>
              <Day at={at} />: {CHANGES[action]} <Hex text={keyIdOf(publicKey)} />
              {by !== null && ` by ${by}`}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function PendingReset({ keys: { reset } }: OfTrust) {
  if (reset === null) return null;
  return (
    <div class="banner warn">
      <strong>A reset of the keys is pending.</strong> {reset.requestedBy} asked for it on{" "}
      <Day at={reset.requestedAt} />. From <Day at={reset.effectiveAt} /> only the key <Hex text={reset.keyId} /> may
      sign. An owner can cancel it.
    </div>
  );
}

/**
 * The tab that says who signed a version, with which key since when, and how to verify it. A pending
 * reset takes effect by time, so then the page is not cached.
 */
export const trustPage: PageSpec = {
  audience: "reader",
  isShared: true,
  load: async (deps, visit) => {
    const shown = await shownVersionOf(deps, visit);
    const keys = await readPackageKeys(deps, packageNameParam(shown.version.name));
    const parts = { visit, shown, keys };
    const children = (
      <>
        <PendingReset {...parts} />
        <h2>Who signed it</h2>
        <SignedBy {...parts} />
        <Verify {...parts} />
        <KeyHistory {...parts} />
      </>
    );
    const page = tabPage(visit, shown, { current: "trust", title: "Trust", children });
    return { ...page, scripts: ["verify"], isAlias: isAliasOf(visit, shown) || keys.reset !== null };
  },
};
