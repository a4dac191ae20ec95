/** @jsxImportSource preact */
import { EVENT_KINDS } from "../../audit/record-event.ts";
import { parseForm } from "../../http/validate.ts";
import { createWebhook } from "../../webhooks/create-webhook.ts";
import { listWebhooks } from "../../webhooks/list-webhooks.ts";
import { CreateWebhookBody, WEBHOOK_DEFAULTS } from "../../webhooks/schemas.ts";
import type { WebhookView } from "../../webhooks/webhook-view.ts";
import { wordsOf } from "../form-words.ts";
import type { ActionSpec, PageSpec } from "../handlers.ts";
import type { OfVisit, Page } from "../layout.tsx";
import type { Visit } from "../visit.ts";
import { visitorOf } from "../visitor.ts";
import { framedPage } from "./account-frame.tsx";
import { Field, PostForm, Result } from "./form-parts.tsx";
import { TableRegion } from "./table-region.tsx";
import { Command } from "./texts.tsx";
import { Filters, StateText, webhookPath } from "./webhook-parts.tsx";

/** What events are about that owners of packages get. Administrators get all others too. */
const OWNERS_GROUPS = ["version", "package", "package_key", "owner"];

function WebhookRow({ visit, webhook }: OfVisit & { readonly webhook: WebhookView }) {
  return (
    <tr>
      <td class="long">
        <a href={`${visit.root}${webhookPath(webhook.id)}`}>{webhook.url}</a>
      </td>
      <td>
        <StateText webhook={webhook} />
      </td>
      <td>
        <Filters webhook={webhook} />
      </td>
    </tr>
  );
}

function WebhookTable({ visit, webhooks }: OfVisit & { readonly webhooks: readonly WebhookView[] }) {
  if (webhooks.length === 0) {
    return <p class="empty">You have no webhooks. Make one for each program that should hear what happens here.</p>;
  }
  return (
    <TableRegion label="Webhooks">
      <thead>
        <tr>
          <th scope="col">Address</th>
          <th scope="col">State</th>
          <th scope="col">Sends</th>
        </tr>
      </thead>
      <tbody>
        {webhooks.map((webhook) => (
          <WebhookRow key={webhook.id} visit={visit} webhook={webhook} />
        ))}
      </tbody>
    </TableRegion>
  );
}

/** The kinds of events that the visitor gets, by their groups. */
function Kinds({ visit }: OfVisit) {
  const isAdmin = visitorOf(visit).user.role === "admin";
  const groups = [...new Set(EVENT_KINDS.map((kind) => kind.replace(/\..*/, "")))];
  return (
    <details>
      <summary>Kinds of events</summary>
      <dl class="pairs">
        {groups
          .filter((group) => isAdmin || OWNERS_GROUPS.includes(group))
          .flatMap((group) => [
            <dt key={group}>
              <code>{group}.*</code>
            </dt>,
            <dd key={`${group}.*`}>{EVENT_KINDS.filter((kind) => kind.startsWith(`${group}.`)).join(", ")}</dd>,
          ])}
      </dl>
    </details>
  );
}

function MakeWebhook({ visit }: OfVisit) {
  return (
    <section>
      <h2>Make a webhook</h2>
      <PostForm visit={visit} action="account/webhooks">
        <Field name="url" label="Address of the receiver" maxLength={2000} hint="Such as: https://ci.example.org/cpm" />
        <Field
          name="events"
          label="Which events"
          value={WEBHOOK_DEFAULTS.events.join(" ")}
          hint="Kinds such as version.published, or groups such as version.*, with blanks between them. * is all of them."
        />
        <Kinds visit={visit} />
        <Field
          name="packages"
          label="Of which packages"
          value={WEBHOOK_DEFAULTS.packages.join(" ")}
          hint="Names, or beginnings such as foo-*, with blanks between them. * is all of them."
        />
        <button type="submit" class="primary">
          Make the webhook
        </button>
      </PostForm>
    </section>
  );
}

/** The webhooks of an account, and the form that makes one. */
export const webhooksPage: PageSpec = {
  audience: "session",
  load: async (deps, visit) => {
    const visitor = visitorOf(visit);
    const webhooks = await listWebhooks(deps, visitor);
    return framedPage(visit, {
      current: "account/webhooks",
      title: "Webhooks",
      children: (
        <>
          <p>
            A webhook tells a program of yours what happens, as it happens:{" "}
            {visitor.user.role === "admin"
              ? "for you as an administrator, in the whole registry."
              : "in the packages that you own."}{" "}
            Each message is signed, so the program knows that it comes from here.
          </p>
          <WebhookTable visit={visit} webhooks={webhooks} />
          <MakeWebhook visit={visit} />
        </>
      ),
    });
  },
};

/** Shows the secret of a new webhook, which nobody can look up later. */
function newWebhookPage(visit: Visit, { id, url, secret }: WebhookView & { readonly secret: string }): Page {
  return framedPage(visit, {
    current: "account/webhooks",
    title: "Your new webhook",
    children: (
      <>
        <Result>
          <strong>Copy its secret now.</strong> This page shows it once. Events go to <span class="hex">{url}</span>{" "}
          from now on.
        </Result>
        <Command text={secret} label="the secret" isPlain />
        <p>
          Give it to the receiver, which checks each message with it. Libraries for{" "}
          <a href="https://www.standardwebhooks.com">Standard Webhooks</a> do that in most languages.
        </p>
        <p>
          <a class="button" href={`${visit.root}${webhookPath(id)}`}>
            Try it
          </a>
        </p>
      </>
    ),
  });
}

/** Makes a webhook and shows its secret. */
export const createWebhookAction: ActionSpec = {
  audience: "session",
  page: webhooksPage,
  act: async (deps, visit, form, db) => {
    const asked = parseForm(CreateWebhookBody, {
      url: (form.get("url") ?? "").trim(),
      events: wordsOf(form, "events"),
      packages: wordsOf(form, "packages"),
    });
    const { url, events = WEBHOOK_DEFAULTS.events, packages = WEBHOOK_DEFAULTS.packages } = asked;
    return newWebhookPage(visit, await createWebhook({ ...deps, db }, visit.visitor, { url, events, packages }));
  },
};
