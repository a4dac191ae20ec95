import type { SettingReader } from "./setting-reader.ts";

/** Returns a host in the spelling of `URL.hostname`, without brackets. Undefined if it is not one. */
function hostOf(text: string): string | undefined {
  const host = /^[\da-f]*:[\da-f:.]+$/i.test(text) ? `[${text}]` : text;
  if (/[/?#@\s*]/.test(host) || /:\d*$/.test(host)) return undefined;
  return (
    URL.parse(`https://${host}`)
      ?.hostname.replace(/^\[|\]$/g, "")
      .replace(/\.$/, "") || undefined
  );
}

/** Reads the hosts that webhooks may reach whatever their address is. */
export function readWebhookHosts(reader: SettingReader): readonly string[] {
  return reader.list("WEBHOOK_ALLOWED_HOSTS").flatMap((text) => {
    const host = hostOf(text);
    if (host !== undefined) return [host];
    reader.reject(
      "WEBHOOK_ALLOWED_HOSTS",
      `${text} is not a host. List names or IP addresses, such as ci.internal, 10.0.0.5, without a port`,
    );
    return [];
  });
}
