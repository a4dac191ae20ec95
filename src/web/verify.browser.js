// Verifies a version in the browser: the archive, its signature, its leaf in the log, the signed
// checkpoint, and the package's key history (docs/log-format.md, "Who may sign"). Every step
// reports one line. What this cannot know is said on the page.

const bytesOf = (text) => new TextEncoder().encode(text);
const fromBase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const hexOf = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const joined = (...parts) => new Uint8Array(parts.flatMap((part) => [...part]));
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

async function holds(key, signature, message) {
  const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", imported, signature, message);
}

function must(condition, message) {
  if (!condition) throw new Error(message);
}

/* RFC 9162 §2.1.3.2: the root that a leaf and its path lead to. */
async function rootOf({ leaf, index, proof }, size) {
  let [hash, at, last] = [await sha256(joined([0], bytesOf(leaf))), index, size - 1];
  for (const step of proof.map(fromBase64)) {
    must(last > 0, "a proof is too long");
    if (at % 2 === 1 || at === last) {
      hash = await sha256(joined([1], step, hash));
      while (at % 2 === 0 && at > 0) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
    } else {
      hash = await sha256(joined([1], hash, step));
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  must(last === 0, "a proof is too short");
  return hash;
}

/* c2sp.org/tlog-checkpoint and signed-note: returns the size and the root that the key signed. */
async function openCheckpoint({ checkpoint, vkey, origin }) {
  const [text, signatures] = checkpoint.split("\n\n");
  const [name, , ...keyParts] = vkey.split("+");
  const key = fromBase64(keyParts.join("+"));
  const start = `— ${name} `;
  const line = signatures.split("\n").find((one) => one.startsWith(start));
  must(name === origin && key[0] === 1 && line, "the log's key did not sign the checkpoint");
  const signature = fromBase64(line.slice(start.length)).slice(4);
  must(await holds(key.slice(1), signature, bytesOf(`${text}\n`)), "the checkpoint's signature is wrong");
  const [signedOrigin, size, root] = text.split("\n");
  must(signedOrigin === origin, "the checkpoint is of another log");
  return { size: Number(size), root };
}

const fieldsOf = (leaf) => Object.fromEntries(leaf.split("\n").map((line) => line.split(/ (.*)/s)));
const RESET_DELAY_MS = 72 * 3_600_000;

/* Returns who may sign after a change, if the keys before it allow it. */
async function changed({ active, reset, compromised, ...rest }, { action, key, fields, isSigned }) {
  const { at, by, reason, since, signatures } = fields;
  const [first, second = ""] = signatures.split(" ");
  const byAccount = by !== "-" && signatures === "-";
  if (action === "add") {
    must(!active.includes(key) && (await isSigned(active, first)), "an added key is not signed for");
    must(await isSigned([key], second), "an added key did not sign");
    return { active: [...active, key], reset, compromised, ...rest };
  }
  if (action === "remove") {
    must(reset?.key !== key && (await isSigned(active, first)), "a removal is not signed for");
    const left = active.filter((one) => one !== key);
    return {
      active: left,
      reset,
      compromised: reason === "compromised" ? [...compromised, { key, since }] : compromised,
      ...rest,
    };
  }
  if (action === "reset") {
    must(!reset && (await isSigned([key], first)), "a reset is not signed by its key");
    return { active, reset: { key, fromMs: Date.parse(at) + RESET_DELAY_MS }, compromised, ...rest };
  }
  must(reset?.key === key, "a change of a reset names none that is pending");
  if (action === "uphold" && byAccount) return { active, reset: { ...reset, isUpheld: true }, compromised, ...rest };
  const byKey = action === "cancel" && !reset.isUpheld && (await isSigned(active, first));
  must(byKey || (action === "cancel" && byAccount), "a cancelled reset is not signed for");
  return { active, reset: undefined, compromised, ...rest };
}

/* Takes one leaf of the package's history. `state` has who may sign after the leaves before it. */
async function replay(state, leaf, { origin, name }) {
  const [kind, about, , action, key] = leaf.split("\n")[0].split(" ");
  const fields = fieldsOf(leaf);
  const { at, previous, signer, published, reason, since } = fields;
  must(about === name, "a leaf is of another package");
  const isDue = state.reset && Date.parse(at ?? published) >= state.reset.fromMs;
  const before = isDue ? { ...state, active: [state.reset.key], reset: undefined } : state;
  const last = hexOf(await sha256(bytesOf(leaf)));
  if (kind === "cpm.version/v1") {
    const own = signer.split(" ")[1];
    if (before.active === undefined) return { active: [own], last, compromised: [] };
    must(before.active.includes(own), "a key signed that the log does not allow");
    return before;
  }
  must(kind === "cpm.key/v2" && previous === before.last, "the key history has a gap");
  const ending = reason ? `reason: ${reason}\nsince: ${since}\n` : "";
  const statement = bytesOf(
    `cpm-key-change/v2\nregistry: ${origin}\nname: ${name}\naction: ${action}\nkey: ${key}\nprevious: ${previous}\nat: ${at}\n${ending}`,
  );
  const isSigned = async (keys, signature) => {
    const results = keys.map((one) => holds(fromHex(one), fromBase64(signature), statement).catch(() => false));
    return (await Promise.all(results)).includes(true);
  };
  return { ...(await changed(before, { action, key, fields, isSigned })), last };
}

async function verifyArchive(archive, { leaf }, { name, version }, say) {
  const digest = await sha256(archive);
  const { sha256: logged, size, signer, signature } = fieldsOf(leaf);
  must(logged === hexOf(digest) && Number(size) === archive.length, "the archive is not the one in the log");
  say(`The archive is the one in the log: SHA-256 ${logged}`);
  const [scheme, value] = signature.split(" ");
  const statement = `cpm-package-signature/v1\nname: ${name}\nversion: ${version}\nsha256: ${logged}\nsize: ${size}\n`;
  const messages = {
    "cpm-v1": bytesOf(statement),
    "ed25519-sha256": digest,
    "ed25519-sha256-hex": bytesOf(logged),
    "ed25519-archive": archive,
  };
  const key = signer.split(" ")[1];
  must(await holds(fromHex(key), fromBase64(value), messages[scheme]), "the publisher's signature is wrong");
  say(`Its publisher signed it with the key ${key}`);
  return key;
}

async function verifyLog(log, own, say) {
  const tree = await openCheckpoint(log);
  for (const entry of log.entries) {
    const root = btoa(String.fromCharCode(...(await rootOf(entry, tree.size))));
    must(root === tree.root, "a leaf is not in the log");
  }
  say(`The log has it as entry ${own.index} of ${tree.size}, in a tree that the log's key signed`);
}

async function verifyKeys(log, own, { name, key }, say) {
  const isForeign = log.next !== null || log.entries.some(({ leaf }) => leaf.includes("cpm.log/v1"));
  must(!isForeign, "this history needs the command above: it is long, or the log changed its name");
  let state = {};
  for (const { leaf } of log.entries) state = await replay(state, leaf, { origin: log.origin, name });
  for (const { since } of state.compromised.filter((one) => one.key === key)) {
    const first = log.entries.find(({ leaf }) => leaf.startsWith(`cpm.version/v1 ${name} ${since}\n`));
    must(first !== undefined && own.index < first.index, "the key that signed it was compromised");
  }
  say("Every change of the package's keys is signed for, and this key was allowed to sign");
}

async function fetched(address) {
  const answer = await fetch(address);
  must(answer.ok, `the registry answered ${answer.status}`);
  return answer;
}

async function verify({ name, version, log: logAddress, archive: archiveAddress }, say) {
  must(crypto.subtle, "a browser can only verify on an https page. Use the command above");
  const log = await (await fetched(logAddress)).json();
  const archive = new Uint8Array(await (await fetched(archiveAddress)).arrayBuffer());
  const own = log.entries.find(({ leaf }) => leaf.startsWith(`cpm.version/v1 ${name} ${version}\n`));
  must(own, "the log has no leaf of this version");
  const key = await verifyArchive(archive, own, { name, version }, say);
  await verifyLog(log, own, say);
  await verifyKeys(log, own, { name, key }, say);
}

for (const button of document.querySelectorAll("button[data-verify]")) {
  const output = document.querySelector("#verification");
  const say = (text, kind) => {
    const line = document.createElement("li");
    line.className = kind ?? "good";
    line.textContent = text;
    output.append(line);
  };
  for (const one of document.querySelectorAll("[data-verify], [data-of-button]")) one.hidden = false;
  button.addEventListener("click", async () => {
    output.replaceChildren();
    button.disabled = true;
    try {
      await verify(button.dataset, say);
      say("Verified", "done");
    } catch (error) {
      const isOld = error.name === "NotSupportedError";
      say(`Not verified: ${isOld ? "this browser has no Ed25519. Use the command above" : error.message}`, "bad");
    }
    button.disabled = false;
  });
}
