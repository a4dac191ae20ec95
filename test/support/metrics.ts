/** The METRICS_TOKEN of registries in tests. */
export const TEST_METRICS_TOKEN = "metrics-token-of-the-tests";

/** The values of a scrape by their series, such as `cpm_registry_packages` or `name{a="b"}`. */
export type Scrape = ReadonlyMap<string, number>;

/** Returns the text of `/metrics` at an address. */
export async function metricsText(url: string): Promise<string> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TEST_METRICS_TOKEN}` } });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`/metrics answered ${response.status}: ${text}`);
  return text;
}

/** Reads `/metrics` as Prometheus would. */
export async function scrape(url: string): Promise<Scrape> {
  const lines = (await metricsText(url)).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}
