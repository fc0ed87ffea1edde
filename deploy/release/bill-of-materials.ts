import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Something that is delivered and was not written here. */
export interface Component {
  type: "library" | "platform";
  name: string;
  version: string;
  /** As package.json says it, an SPDX expression; `null`: it says none. */
  license: string | null;
  /** https://github.com/package-url/purl-spec */
  purl: string;
  /** Of the file that is delivered, where it is one. */
  sha256?: string;
}

/** The npm packages that these files (of an esbuild metafile) belong to, each version once. */
export function packagesOf(root: string, files: readonly string[]): Component[] {
  const folders = new Set<string>();
  for (const file of files) {
    const folder = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
    if (folder !== undefined) folders.add(join(root, folder));
  }
  const found = [...folders].map((folder) => componentOf(folder));
  return [...new Map(found.map((component) => [component.purl, component])).values()];
}

/** Of the package in this folder. */
export function componentOf(folder: string): Component {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    name: string;
    version: string;
    license?: string;
  };
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return { type: "library", name, version, license: license ?? null, purl };
}

/** A CycloneDX 1.6 document (https://cyclonedx.org/docs/1.6/json/); it says no time, so that it is reproducible. */
export function billOfMaterials(version: string, components: readonly Component[]): string {
  const sorted = components.toSorted((a, b) => (a.purl < b.purl ? -1 : 1));
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: serialNumber(version, sorted),
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": "drover",
        name: "drover",
        version,
        licenses: [{ expression: "Apache-2.0" }],
      },
    },
    components: sorted.map(({ type, name, version, license, purl, sha256 }) => ({
      type,
      "bom-ref": purl,
      name,
      version,
      purl,
      ...(license !== null && { licenses: [{ expression: license }] }),
      ...(sha256 !== undefined && { hashes: [{ alg: "SHA-256", content: sha256 }] }),
    })),
    dependencies: [{ ref: "drover", dependsOn: sorted.map(({ purl }) => purl) }],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A UUID (version 8, RFC 9562: whatever one likes) of what the document lists. */
function serialNumber(version: string, components: readonly Component[]): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([version, components]))
    .digest();
  digest[6] = 0x80 | (digest.readUInt8(6) & 0x0f);
  digest[8] = 0x80 | (digest.readUInt8(8) & 0x3f);
  const hex = digest.toString("hex", 0, 16);
  return `urn:uuid:${[0, 8, 12, 16, 20].map((at, i, all) => hex.slice(at, all[i + 1] ?? 32)).join("-")}`;
}
