import { type Answer, Client } from "../support/client.ts";
import { waitUntil } from "../support/wait-until.ts";

/** Everything that the API shows of the packages and the log, byte for byte, with the newest versions. */
export async function shown(
  url: string,
  packages: readonly string[],
  versionsMax = 50,
): Promise<Record<string, string>> {
  const guest = new Client(url);
  const answers: Record<string, string> = {};
  const read = async (path: string) => {
    let answer: Answer = await guest.get(path);
    const isAnswered = async () => {
      if (answer.status === 503) answer = await guest.get(path);
      return answer.status !== 503;
    };
    // A machine that is busy with other tests answers some questions too late.
    await waitUntil(isAnswered, `${path} is answered`);
    const id = answer.headers.get("x-request-id") ?? "";
    answers[path] = `${answer.status} ${answer.text.replaceAll(id, "ID")}`;
    return answer;
  };
  for (const path of ["/log/checkpoint", "/log/vkey", "/api/log/changes", "/api/packages"]) await read(path);
  for (const name of packages) {
    const { body } = await read(`/api/packages/${name}`);
    for (const part of ["keys", "log", "owners"]) await read(`/api/packages/${name}/${part}`);
    for (const { version } of (body.versions ?? []).slice(0, versionsMax)) {
      for (const part of ["", "/proof", "/files", "/manifest", "/signature", "/download"]) {
        await read(`/api/packages/${name}/${version}${part}`);
      }
    }
  }
  return answers;
}
