/** @jsxImportSource preact */
import type { ManifestInput, ManifestValue } from "../../archive/manifest.ts";
import { TableRegion } from "./table-region.tsx";
import { Empty, versionTab } from "./version-tab.tsx";

/** A value of YAML as people write it on one line. */
export function valueText(value: ManifestValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function Default({ value }: { readonly value: ManifestValue | undefined }) {
  if (value === undefined || value === null) return <span class="hint">none</span>;
  return value === "" ? <span class="hint">empty</span> : <code>{valueText(value)}</code>;
}

function InputRow({ input }: { readonly input: ManifestInput }) {
  const { key = "", label, type, required, default: preset, options, description } = input;
  return (
    <tr>
      <th scope="row">
        <code>{key}</code>
        {label && label !== key && <div class="hint">{label}</div>}
      </th>
      <td>{type ?? "text"}</td>
      <td>{required ? "yes" : "no"}</td>
      <td>
        <Default value={preset} />
      </td>
      <td>
        {description && <p>{description}</p>}
        {options.length > 0 && (
          <p>
            One of{" "}
            {options.map((option, at) => (
              <>
                {at > 0 && ", "}
                <code>{valueText(option)}</code>
              </>
            ))}
          </p>
        )}
      </td>
    </tr>
  );
}

/** The tab with what an installation asks for. */
export const inputsPage = versionTab({
  current: "inputs",
  load: (_deps, _visit, { version: { inputs } }) => ({
    title: "Inputs",
    children:
      inputs.length === 0 ? (
        <Empty>This version asks for no inputs: it can be installed as it is.</Empty>
      ) : (
        <TableRegion label="Inputs">
          <thead>
            <tr>
              <th scope="col">Input</th>
              <th scope="col">Type</th>
              <th scope="col">Required</th>
              <th scope="col">Default</th>
              <th scope="col">Description</th>
            </tr>
          </thead>
          <tbody>
            {inputs.map((input) => (
              <InputRow key={input.key} input={input} />
            ))}
          </tbody>
        </TableRegion>
      ),
  }),
});
