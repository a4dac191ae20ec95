import { makePackage } from "../support/archive-maker.ts";
import { makeKey, publishForm, signMessage, statementOf } from "../support/client.ts";
import { addKey, changeStatement, keyIdOf, previousOf, resetTo, SIGNED_AT } from "../support/key-statements.ts";
import { admin, open, owned, ownedBySession, ownedOrAdmin, reading, scoped } from "./permission-results.ts";
import type { World } from "./permission-roles.ts";
import { type Asked, type Prepare, plainly, type Row } from "./permission-row.ts";

/** Rows about a new package. */
const ofPackage =
  (rest: string, body?: object): Prepare =>
  async (world) =>
    plainly(`/api/packages/${await world.newPackage()}${rest}`, body)(world);

const REASON = { reason: "Under examination" };

/** Rows about a new package that an administrator or owner changed first. */
const after =
  (by: "owner" | "admin", method: string, rest: string, body?: object): Prepare =>
  async (world) => {
    const path = `/api/packages/${await world.newPackage()}${rest}`;
    const answer = await world.person(by).send(method, path, body);
    if (answer.status !== 200) throw new Error(answer.text);
    return () => ({ path });
  };

const read = (rest: string, method = "GET"): Row => ({
  operation: `${method} /api/packages/{name}${rest.replace("/1.0.0", "/{version}")}`,
  results: open(200),
  closed: reading(200),
  prepare: ofPackage(rest),
});

function publishing(name: string, version: string, world: World): Asked {
  const archive = makePackage({ name, version });
  const signature = signMessage(world.key, statementOf(name, version, archive));
  const form = publishForm({ archive, signature, publicKey: world.key.publicHex });
  return { path: "/api/packages", body: form };
}

const PACKAGES: readonly Row[] = [
  {
    operation: "GET /api/packages",
    results: open(200),
    closed: reading(200, 200),
    prepare: plainly("/api/packages"),
  },
  {
    operation: "POST /api/packages",
    use: "a new package",
    results: scoped(201, "publish-new"),
    prepare: async (world) => () => publishing(world.newName(), "1.0.0", world),
  },
  {
    operation: "POST /api/packages",
    use: "a new version",
    results: owned(201, "publish-update"),
    prepare: async (world) => {
      const name = await world.newPackage();
      return () => publishing(name, "1.1.0", world);
    },
  },
  {
    operation: "DELETE /api/packages/{name}/{version}",
    results: owned(200, "yank"),
    prepare: ofPackage("/1.0.0", { reason: "broken" }),
  },
  {
    operation: "POST /api/packages/{name}/{version}",
    results: owned(200, "yank"),
    prepare: after("owner", "DELETE", "/1.0.0", { reason: "broken" }),
  },
  {
    operation: "PUT /api/packages/{name}/status",
    results: owned(200, "yank"),
    prepare: ofPackage("/status", { status: "deprecated" }),
  },
  ...["", "/1.0.0", "/1.0.0/signature", "/1.0.0/proof", "/1.0.0/download", "/1.0.0/files", "/dependents"].map((rest) =>
    read(rest),
  ),
  ...["/1.0.0/readme", "/1.0.0/manifest", "/1.0.0/values", "/owners", "/keys", "/log", "/events"].map((rest) =>
    read(rest),
  ),
  read("/1.0.0/download", "HEAD"),
  { ...read("/1.0.0/files/colony.yaml"), operation: "GET /api/packages/{name}/{version}/files/{path}" },
];

const ofOneself: Prepare = async (world) => {
  const name = await world.newPackage();
  return ({ username }) => ({ path: `/api/packages/${name}/owners/${username}` });
};

const OWNERS: readonly Row[] = [
  {
    operation: "PUT /api/packages/{name}/owners/{username}",
    use: "an invitation",
    results: owned(200, "owners"),
    prepare: async (world) => ofPackage(`/owners/${world.bystander.username}`)(world),
  },
  {
    operation: "PUT /api/packages/{name}/owners/{username}",
    use: "its acceptance",
    results: { ...owned(200, "owners"), user: 200, "token of a user": 200 },
    prepare: async (world) => after("owner", "PUT", `/owners/${world.person("user").username}`)(world),
  },
  {
    operation: "PUT /api/packages/{name}/owners/{username}",
    use: "of oneself, uninvited",
    results: owned(200, "owners"),
    prepare: ofOneself,
  },
  {
    operation: "DELETE /api/packages/{name}/owners/{username}",
    use: "of oneself",
    results: owned(200, "owners"),
    prepare: ofOneself,
  },
  {
    operation: "DELETE /api/packages/{name}/owners/{username}",
    use: "of another",
    results: owned(200, "owners"),
    prepare: async (world) => ofPackage(`/owners/${world.person("other").username}`)(world),
  },
  {
    operation: "DELETE /api/packages/{name}/owners/{username}",
    use: "with a key",
    results: ownedBySession(200),
    prepare: async (world) => {
      const [name, key, owner] = [await world.newPackage(), makeKey(), world.person("owner")];
      await addKey(owner, name, key, { by: world.key });
      const previous = await previousOf(owner, name);
      return async () => {
        const signature = signMessage(world.key, changeStatement(name, "remove", key, previous));
        const keys = [{ keyId: keyIdOf(key), previous, at: SIGNED_AT, signature }];
        return { path: `/api/packages/${name}/owners/${owner.username}`, body: { keys } };
      };
    },
  },
];

const QUARANTINE: readonly Row[] = ["", "/1.0.0"].flatMap((rest) => {
  const address = `/api/packages/{name}${rest.replace("/1.0.0", "/{version}")}/quarantine`;
  return [
    { operation: `PUT ${address}`, results: admin(200), prepare: ofPackage(`${rest}/quarantine`, REASON) },
    {
      operation: `DELETE ${address}`,
      results: admin(200),
      prepare: after("admin", "PUT", `${rest}/quarantine`, REASON),
    },
  ];
});

/** A package whose owners requested a reset of its keys, and the key of the reset. */
async function beingReset(world: World) {
  const [name, key] = [await world.newPackage(), makeKey()];
  const answer = await resetTo(world.person("owner"), name, key);
  if (answer.status !== 200) throw new Error(answer.text);
  return { name, key, previous: answer.body.previous, path: `/api/packages/${name}/keys/reset` };
}

const PACKAGE_KEYS: readonly Row[] = [
  {
    operation: "POST /api/packages/{name}/keys",
    results: ownedBySession(200),
    prepare: async (world) => {
      const [name, key] = [await world.newPackage(), makeKey()];
      const previous = await previousOf(world.person("owner"), name);
      const statement = changeStatement(name, "add", key, previous);
      const [signature, newKeySignature] = [signMessage(world.key, statement), signMessage(key, statement)];
      const body = { publicKey: key.publicHex, previous, at: SIGNED_AT, signature, newKeySignature };
      return plainly(`/api/packages/${name}/keys`, body)(world);
    },
  },
  {
    operation: "DELETE /api/packages/{name}/keys/{keyId}",
    results: ownedBySession(200),
    prepare: async (world) => {
      const [name, key, owner] = [await world.newPackage(), makeKey(), world.person("owner")];
      await addKey(owner, name, key, { by: world.key });
      const previous = await previousOf(owner, name);
      const signature = signMessage(world.key, changeStatement(name, "remove", key, previous));
      const body = { previous, at: SIGNED_AT, signature, reason: "superseded" };
      return plainly(`/api/packages/${name}/keys/${keyIdOf(key)}`, body)(world);
    },
  },
  {
    operation: "POST /api/packages/{name}/keys/reset",
    results: ownedBySession(200),
    prepare: async (world) => {
      const [name, key] = [await world.newPackage(), makeKey()];
      const previous = await previousOf(world.person("owner"), name);
      const newKeySignature = signMessage(key, changeStatement(name, "reset", key, previous));
      const body = { publicKey: key.publicHex, previous, at: SIGNED_AT, newKeySignature };
      return plainly(`/api/packages/${name}/keys/reset`, body)(world);
    },
  },
  {
    operation: "DELETE /api/packages/{name}/keys/reset",
    use: "by an owner or an administrator",
    results: ownedOrAdmin(200),
    prepare: async (world) => plainly((await beingReset(world)).path)(world),
  },
  {
    operation: "DELETE /api/packages/{name}/keys/reset",
    use: "by a signature of a key",
    results: open(200),
    prepare: async (world) => {
      const { name, key, previous, path } = await beingReset(world);
      const signature = signMessage(world.key, changeStatement(name, "cancel", key, previous));
      return plainly(path, { previous, at: SIGNED_AT, signature })(world);
    },
  },
];

const UPHOLD: Row = {
  operation: "PUT /api/packages/{name}/keys/reset/uphold",
  results: admin(200),
  prepare: async (world) => plainly(`${(await beingReset(world)).path}/uphold`)(world),
};

/** The rows of `/packages`. */
export const PACKAGE_ROWS: readonly Row[] = [...PACKAGES, ...OWNERS, ...QUARANTINE, ...PACKAGE_KEYS, UPHOLD];
