/** @jsxImportSource preact */
import type { KeyView } from "../../keys/key-view.ts";
import { listKeys } from "../../keys/list-keys.ts";
import { retireKey } from "../../keys/retire-key.ts";
import type { ActionSpec, PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import { visitorOf } from "../visitor.ts";
import { framedPage } from "./account-frame.tsx";
import { Confirm, FoldedForm, requireConfirmed } from "./form-parts.tsx";
import { TableRegion } from "./table-region.tsx";
import { Command, Day, InlineCommand } from "./texts.tsx";

function KeyRow({ visit, one }: OfVisit & { readonly one: KeyView }) {
  const { keyId, label, createdAt, retiredAt } = one;
  return (
    <tr>
      <td>
        <code>{keyId}</code>
      </td>
      <td>{label === "" ? <span class="hint">no name</span> : label}</td>
      <td>
        <Day at={createdAt} />
      </td>
      <td>
        {retiredAt === null ? (
          <span class="badge">active</span>
        ) : (
          <>
            <span class="badge plain">retired</span> <Day at={retiredAt} />
          </>
        )}
      </td>
      <td>
        {retiredAt === null && (
          <FoldedForm
            visit={visit}
            summary="Retire…"
            action="account/keys/retire"
            subject={{ keyId }}
            button="Retire the key"
          >
            <p>
              It starts no new package any more, and can never be registered again. What it signed stays valid. Where a
              package lets it sign, it still may: take it out there first, with{" "}
              <InlineCommand text="cpm-registry key remove" />.
            </p>
            <Confirm>Retire the key {keyId} for good.</Confirm>
          </FoldedForm>
        )}
      </td>
    </tr>
  );
}

function KeyTable({ visit, keys }: OfVisit & { readonly keys: readonly KeyView[] }) {
  if (keys.length === 0) {
    return <p class="empty">You have no keys here. Your first publish makes one and registers it.</p>;
  }
  return (
    <TableRegion label="Signing keys">
      <thead>
        <tr>
          <th scope="col">Key</th>
          <th scope="col">Name</th>
          <th scope="col">Registered</th>
          <th scope="col">Status</th>
          <th scope="col">
            <span class="hidden">Retire</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((one) => (
          <KeyRow key={one.keyId} visit={visit} one={one} />
        ))}
      </tbody>
    </TableRegion>
  );
}

/** The signing keys of an account. Their private halves never come here. */
export const keysPage: PageSpec = {
  audience: "session",
  load: async (deps, visit) => {
    const keys = await listKeys(deps, visitorOf(visit));
    return framedPage(visit, {
      current: "account/keys",
      title: "Signing keys",
      children: (
        <>
          <p>
            Versions that you publish are signed by a key that never leaves your machine. These are the public halves
            that you have registered.
          </p>
          <KeyTable visit={visit} keys={keys} />
          <section>
            <h2>Register another key</h2>
            <p>The key itself proves that it is yours, so the client does this, on the machine that has it:</p>
            <Command text="cpm-registry key generate laptop" label="the command that makes a key" />
            <Command text="cpm-registry key register --key laptop" label="the command that registers a key" />
            <p class="hint">
              To let it sign a package that you own:{" "}
              <InlineCommand text="cpm-registry key add laptop --package <name>" />. To replace a key everywhere:{" "}
              <InlineCommand text="cpm-registry key rotate" />.
            </p>
          </section>
        </>
      ),
    });
  },
};

/** Retires a key. */
export const retireKeyAction: ActionSpec = {
  audience: "session",
  page: keysPage,
  act: async (deps, visit, form, db) => {
    requireConfirmed(form);
    const keyId = form.get("keyId") ?? "";
    await retireKey({ ...deps, db }, visit.visitor, keyId);
    return { redirect: withNotice(visit, "account/keys", "key-retired", keyId) };
  },
};
