/** @jsxImportSource preact */
import type { KeyResetView, PackageKeysView, PackageKeyView } from "../../keys/read-package-keys.ts";
import type { OfVisit } from "../layout.tsx";
import { Confirm, FoldedForm } from "./form-parts.tsx";
import { People } from "./package-facts.tsx";
import { TableRegion } from "./table-region.tsx";
import { Command, Day, InlineCommand, Moment } from "./texts.tsx";

function KeyStatus({ one: { status, endedAt, compromisedSince } }: { readonly one: PackageKeyView }) {
  if (status === "active") return <span class="badge">may sign</span>;
  return (
    <>
      <span class={status === "compromised" ? "badge bad" : "badge plain"}>{status}</span>{" "}
      {endedAt !== null && <Day at={endedAt} />}
      {compromisedSince !== null && ` not trusted from ${compromisedSince} on`}
    </>
  );
}

interface KeysProps extends OfVisit {
  readonly name: string;
  readonly keys: PackageKeysView;
  /** The accounts that have registered the keys, by public key. */
  readonly holders: ReadonlyMap<string, readonly string[]>;
}

/** The keys of a package. Each change of them is signed by one, so the client makes it. */
export function Keys({ visit, name, keys, holders }: KeysProps) {
  return (
    <section id="keys">
      <h2>Keys</h2>
      <p>Who may sign versions. A key of the package signs every change of this list, so the client makes them:</p>
      <TableRegion label="Keys">
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col">Account</th>
            <th scope="col">Added</th>
            <th scope="col">Status</th>
          </tr>
        </thead>
        <tbody>
          {keys.keys.map((one) => (
            <tr key={one.keyId}>
              <td>
                <code>{one.keyId}</code>
              </td>
              <td>
                <People visit={visit} names={holders.get(one.publicKey) ?? []} />
              </td>
              <td>
                <Day at={one.addedAt} />
              </td>
              <td>
                <KeyStatus one={one} />
              </td>
            </tr>
          ))}
        </tbody>
      </TableRegion>
      <h3>Let another key of yours sign</h3>
      <Command text={`cpm-registry key add <key> --package ${name}`} label="the command that adds a key" />
      <h3>Let the key of another owner sign</h3>
      <p>They send you the line that this prints, on their machine:</p>
      <Command text={`cpm-registry key request --package ${name}`} label="the command that asks for a key" />
      <p>You compare the id of the key with them, and sign it on yours:</p>
      <Command text="cpm-registry key approve <line>" label="the command that lets a key in" />
      <h3>Take a key out</h3>
      <Command text={`cpm-registry key remove <key> --package ${name}`} label="the command that removes a key" />
      <p class="hint">
        If it was stolen, add <InlineCommand text="--compromised" />: what it signed is then not trusted any more.
      </p>
    </section>
  );
}

/** Says above all else that somebody is about to replace the keys of a package. */
export function PendingReset({
  visit,
  name,
  reset: { keyId, requestedBy, requestedAt, effectiveAt, upheld },
}: OfVisit & { readonly name: string; readonly reset: KeyResetView }) {
  return (
    <div class="banner bad">
      <p>
        <strong>A reset of the keys is pending.</strong> {requestedBy} asked for it on <Moment at={requestedAt} />. At{" "}
        <Moment at={effectiveAt} /> the key <code>{keyId}</code> takes the place of all others. If this is not what the
        owners want, cancel it now.
        {upheld && " An administrator upheld it, so that keys cannot cancel it; owners can."}
      </p>
      <FoldedForm
        visit={visit}
        summary="Cancel the reset…"
        action={`packages/${name}/settings/cancel-reset`}
        button="Cancel the reset"
      >
        <Confirm>
          Cancel the reset of {name} to {keyId}. The keys stay as they are. The log records it.
        </Confirm>
      </FoldedForm>
    </div>
  );
}
