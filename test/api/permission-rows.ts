import { makeKey, newAccount, PASSWORD, signMessage } from "../support/client.ts";
import { challenge, keyIdOf, newKey, registrationStatement } from "../support/key-statements.ts";
import { newResetLink } from "../support/reset-links.ts";
import { PACKAGE_ROWS } from "./permission-package-rows.ts";
import { account, accountWith, admin, open, readingAll, session } from "./permission-results.ts";
import { type Prepare, plainly, type Row } from "./permission-row.ts";

const OPERATIONS: readonly Row[] = [
  ...["/health", "/health/ready", "/health/live"].map((path) => ({
    operation: `GET ${path}`,
    results: open(200),
    prepare: plainly(path),
  })),
  // No account may: only the operator's METRICS_TOKEN.
  { operation: "GET /metrics", results: open("401 unauthenticated"), prepare: plainly("/metrics") },
  { operation: "GET /api/events", results: admin(200), prepare: plainly("/api/events") },
  {
    operation: "PUT /api/admin/allowed-names/{name}",
    results: admin(204),
    prepare: async (world) => plainly(`/api/admin/allowed-names/${world.newName()}`)(world),
  },
];

/**
 * The log names every package, so a token for some packages reads nothing of it in a private
 * registry.
 */
const LOG: readonly Row[] = [
  "/log/checkpoint",
  "/log/vkey",
  "/log/tile/0",
  "/api/log/consistency",
  "/api/log/changes",
].map((path) => {
  const good = path.includes("tile") ? ("404 tile_not_found" as const) : 200;
  return {
    operation: `GET ${path.replace("tile/0", "tile/{tile}")}`,
    results: open(good),
    closed: readingAll(good),
    prepare: plainly(path),
  };
});

const ACCOUNTS: readonly Row[] = [
  {
    operation: "POST /api/auth/register",
    results: open(201),
    prepare: async (world) => {
      const username = world.newName();
      const body = { username, email: `${username}@example.org`, password: PASSWORD };
      return plainly("/api/auth/register", body)(world);
    },
  },
  {
    operation: "POST /api/auth/login",
    results: open(200),
    prepare: async (world) =>
      plainly("/api/auth/login", { username: world.person("owner").username, password: PASSWORD })(world),
  },
  {
    operation: "POST /api/auth/reset",
    results: open(200),
    prepare: async (world) => {
      const { username } = await newAccount(world.registry, "reset");
      return plainly("/api/auth/reset", { token: await newResetLink(world.registry, username), password: PASSWORD })(
        world,
      );
    },
  },
  { operation: "POST /api/auth/logout", results: account(204), prepare: plainly("/api/auth/logout") },
  { operation: "GET /api/auth/me", results: account(200), prepare: plainly("/api/auth/me") },
  {
    operation: "POST /api/auth/password",
    results: session(204),
    prepare: plainly("/api/auth/password", { currentPassword: PASSWORD, newPassword: PASSWORD, keepTokens: true }),
  },
  {
    operation: "GET /api/auth/invitations",
    results: accountWith("owners", 200),
    prepare: plainly("/api/auth/invitations"),
  },
  {
    operation: "GET /api/auth/packages",
    results: account(200),
    closed: accountWith("read", 200),
    prepare: plainly("/api/auth/packages"),
  },
];

const CREDENTIALS: readonly Row[] = [
  { operation: "GET /api/auth/tokens", results: session(200), prepare: plainly("/api/auth/tokens") },
  {
    operation: "POST /api/auth/tokens",
    results: session(201),
    prepare: plainly("/api/auth/tokens", { label: "a test", scopes: ["read"] }),
  },
  { operation: "POST /api/auth/token", results: session(201), prepare: plainly("/api/auth/token", {}) },
  {
    operation: "DELETE /api/auth/tokens/{id}",
    results: { ...session("404 token_not_found"), owner: 204 },
    prepare: async (world) => {
      const made = await world.person("owner").post("/api/auth/tokens", { label: "a test", scopes: ["read"] });
      return plainly(`/api/auth/tokens/${made.body.id}`)(world);
    },
  },
  { operation: "GET /api/auth/keys", results: session(200), prepare: plainly("/api/auth/keys") },
  {
    operation: "POST /api/auth/keys/challenge",
    results: session(201),
    prepare: async (world) => plainly("/api/auth/keys/challenge", { publicKey: makeKey().publicHex })(world),
  },
  {
    operation: "POST /api/auth/keys",
    results: session(201),
    prepare: async (world) => async (by) => {
      const key = makeKey();
      // A disabled account cannot request its own nonce.
      const known = by === world.person("disabled") ? world.person("owner") : by;
      const nonce = await challenge(known, key);
      const signature = signMessage(key, registrationStatement(known.username, key, nonce));
      return { path: "/api/auth/keys", body: { publicKey: key.publicHex, nonce, signature } };
    },
  },
  {
    operation: "DELETE /api/auth/keys/{keyId}",
    results: { ...session("404 key_not_found"), owner: 204 },
    prepare: async (world) => plainly(`/api/auth/keys/${keyIdOf(await newKey(world.person("owner")))}`)(world),
  },
];

/** To which nothing is sent, because there is no such package. */
const WEBHOOK = { url: "https://example.org/hook", packages: ["nothing"] };

/** Makes the request about a webhook of the owner, who alone has it. */
const onWebhook =
  (action = ""): Prepare =>
  async (world) => {
    const owner = world.person("owner");
    const { items } = (await owner.get("/api/webhooks")).body;
    // An account may have ten.
    if (items.length > 8) await owner.send("DELETE", `/api/webhooks/${items[0].id}`);
    const made = await owner.post("/api/webhooks", WEBHOOK);
    return plainly(`/api/webhooks/${made.body.id}${action}`)(world);
  };

const ownWebhook = (good: number) => ({ ...session("404 webhook_not_found"), owner: good });

const WEBHOOKS: readonly Row[] = [
  { operation: "GET /api/webhooks", results: session(200), prepare: plainly("/api/webhooks") },
  {
    operation: "POST /api/webhooks",
    results: session(201),
    prepare: plainly("/api/webhooks", WEBHOOK),
  },
  { operation: "GET /api/webhooks/{id}", results: ownWebhook(200), prepare: onWebhook() },
  { operation: "DELETE /api/webhooks/{id}", results: ownWebhook(204), prepare: onWebhook() },
  { operation: "POST /api/webhooks/{id}/test", results: ownWebhook(200), prepare: onWebhook("/test") },
  { operation: "GET /api/webhooks/{id}/deliveries", results: ownWebhook(200), prepare: onWebhook("/deliveries") },
  { operation: "POST /api/webhooks/{id}/replay", results: ownWebhook(200), prepare: onWebhook("/replay") },
];

/** The matrix: the answer of each operation to each role. A new route needs a row here. */
export const ROWS: readonly Row[] = [...OPERATIONS, ...LOG, ...ACCOUNTS, ...CREDENTIALS, ...WEBHOOKS, ...PACKAGE_ROWS];
