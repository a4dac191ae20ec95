/** @jsxImportSource preact */
import { deliveryAdvice } from "../../webhooks/delivery-advice.ts";
import { listDeliveries, readWebhook } from "../../webhooks/list-webhooks.ts";
import { removeWebhook } from "../../webhooks/remove-webhook.ts";
import { replayWebhook } from "../../webhooks/replay-webhook.ts";
import { testWebhook } from "../../webhooks/test-webhook.ts";
import type { DeliveryView, WebhookView } from "../../webhooks/webhook-view.ts";
import type { ActionSpec, PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import type { Visit } from "../visit.ts";
import { visitorOf } from "../visitor.ts";
import { framedPage } from "./account-frame.tsx";
import { Confirm, FoldedForm, PostForm, requireConfirmed, Select } from "./form-parts.tsx";
import { TableRegion } from "./table-region.tsx";
import { Day, Moment } from "./texts.tsx";
import { Filters, reasonText, StateText, webhookPath } from "./webhook-parts.tsx";

const HOUR_MS = 3_600_000;

/** From when on events are sent again: what the form sends, how long ago, and what people read. */
const REPLAYS = [
  ["undelivered", undefined, "what was not delivered yet"],
  ["1h", HOUR_MS, "everything of the last hour"],
  ["24h", 24 * HOUR_MS, "everything of the last 24 hours"],
  ["7d", 7 * 24 * HOUR_MS, "everything of the last 7 days"],
  ["30d", 30 * 24 * HOUR_MS, "everything of the last 30 days"],
] as const;

const idOf = ({ params }: Visit) => params.id ?? "";

interface OfWebhook extends OfVisit {
  readonly webhook: WebhookView;
}

function Facts({ webhook }: Pick<OfWebhook, "webhook">) {
  return (
    <dl class="pairs">
      <dt>Address</dt>
      <dd>{webhook.url}</dd>
      <dt>Sends</dt>
      <dd>
        <Filters webhook={webhook} />
      </dd>
      <dt>State</dt>
      <dd>
        <StateText webhook={webhook} />
      </dd>
      <dt>Made</dt>
      <dd>
        <Day at={webhook.createdAt} />
      </dd>
    </dl>
  );
}

function DeliveryRow({ delivery }: { readonly delivery: DeliveryView }) {
  const { at, event, kind, attempt, outcome, status, reason, durationMs } = delivery;
  return (
    <tr>
      <td>
        <Moment at={at} />
      </td>
      <td>
        <span class={outcome === "delivered" ? "badge" : "badge bad"}>{outcome}</span>
      </td>
      <td>
        <code>{kind}</code>
        {event !== null && (
          <p class="hint">
            event {event}
            {attempt > 1 && `, try ${attempt}`}
          </p>
        )}
      </td>
      <td class="long">
        {reasonText(reason ?? `it answered ${status}`)} <span class="hint">{durationMs} ms</span>
      </td>
    </tr>
  );
}

/** Says why the newest attempt failed, and what to do. Older ones matter no more. */
function Trouble({ newest }: { readonly newest: DeliveryView | undefined }) {
  if (newest === undefined || newest.outcome === "delivered") return null;
  return (
    <div class="banner warn">
      <strong>{newest.outcome === "refused" ? "Nothing was sent." : "The last attempt failed."}</strong>{" "}
      {reasonText(newest.reason ?? "")} {deliveryAdvice(newest)}
    </div>
  );
}

function Deliveries({ deliveries }: { readonly deliveries: readonly DeliveryView[] }) {
  if (deliveries.length === 0) return <p class="empty">Nothing was sent yet. A test message needs no event.</p>;
  return (
    <>
      <Trouble newest={deliveries[0]} />
      <TableRegion label="Deliveries">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Outcome</th>
            <th scope="col">Event</th>
            <th scope="col">Answer</th>
          </tr>
        </thead>
        <tbody>
          {deliveries.map((delivery, at) => (
            <DeliveryRow key={at} delivery={delivery} />
          ))}
        </tbody>
      </TableRegion>
      <p class="hint">The last 100 attempts are kept.</p>
    </>
  );
}

function Replay({ visit, webhook: { id, state } }: OfWebhook) {
  return (
    <section>
      <h2>Send again</h2>
      <PostForm visit={visit} action={`${webhookPath(id)}/replay`}>
        <Select
          name="since"
          label="Which events"
          hint="Messages keep their IDs, so a receiver can leave out what it has. What is older and was not delivered yet is passed over."
          choices={REPLAYS.map(([value, , text]) => [value, text])}
        />
        <button type="submit">{state === "disabled" ? "Send again, and enable it" : "Send again"}</button>
      </PostForm>
    </section>
  );
}

function Remove({ visit, webhook: { id, url } }: OfWebhook) {
  return (
    <section>
      <h2>Remove</h2>
      <FoldedForm
        visit={visit}
        summary="Remove this webhook…"
        action={`${webhookPath(id)}/remove`}
        button="Remove the webhook"
      >
        <Confirm>
          Nothing more is sent to <span class="hex">{url}</span>, and its secret is forgotten. It cannot be taken back.
        </Confirm>
      </FoldedForm>
    </section>
  );
}

/** One webhook with its last deliveries, and the forms that test, replay and remove it. */
export const webhookPage: PageSpec = {
  audience: "session",
  load: async (deps, visit) => {
    const webhook = await readWebhook(deps, visitorOf(visit), idOf(visit));
    const deliveries = await listDeliveries(deps, visitorOf(visit), webhook.id);
    return framedPage(visit, {
      current: "account/webhooks",
      title: `Webhook to ${new URL(webhook.url).host}`,
      children: (
        <>
          <Facts webhook={webhook} />
          <section>
            <h2>Deliveries</h2>
            <PostForm visit={visit} action={`${webhookPath(webhook.id)}/test`}>
              <button type="submit" class="primary">
                Send a test message
              </button>
            </PostForm>
            <Deliveries deliveries={deliveries} />
          </section>
          <Replay visit={visit} webhook={webhook} />
          <Remove visit={visit} webhook={webhook} />
        </>
      ),
    });
  },
};

/** Sends a test message, and waits for the answer. */
export const testWebhookAction: ActionSpec = {
  audience: "session",
  page: webhookPage,
  act: async (deps, visit, _, db) => {
    const { outcome } = await testWebhook({ ...deps, db }, visit.visitor, idOf(visit));
    const notice = outcome === "delivered" ? "webhook-tested" : "webhook-test-failed";
    return { redirect: withNotice(visit, webhookPath(idOf(visit)), notice) };
  },
};

/** Sends events again, and lets a disabled webhook work again. */
export const replayWebhookAction: ActionSpec = {
  audience: "session",
  page: webhookPage,
  act: async (deps, visit, form, db) => {
    const agoMs = REPLAYS.find(([value]) => value === form.get("since"))?.[1];
    const since = agoMs === undefined ? undefined : new Date(deps.clock().getTime() - agoMs);
    await replayWebhook({ ...deps, db }, visit.visitor, idOf(visit), since);
    return { redirect: withNotice(visit, webhookPath(idOf(visit)), "webhook-replayed") };
  },
};

/** Removes a webhook. */
export const removeWebhookAction: ActionSpec = {
  audience: "session",
  page: webhookPage,
  act: async (deps, visit, form, db) => {
    requireConfirmed(form);
    const { host } = await removeWebhook({ ...deps, db }, visit.visitor, idOf(visit));
    return { redirect: withNotice(visit, "account/webhooks", "webhook-removed", host) };
  },
};
