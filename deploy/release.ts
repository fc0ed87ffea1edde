/**
 * `npm run release [-- DIR] [--only TARGET]… [--version VERSION]`: everything that is delivered, in DIR (default: dist/):
 *
 *   drover-VERSION-TARGET.tar.gz   agent, coordinator and CLI with the Node that runs them
 *   drover-VERSION.cdx.json        what of others is in them (CycloneDX)
 *   install.sh                     what a machine runs to join
 *   SHA256SUMS
 */
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { DROVER_VERSION } from "@drover/shared/version.ts";
import { makeRelease } from "./release/make-release.ts";
import { TARGETS } from "./release/target.ts";

/** From 6 to 9 an archive becomes one hundredth smaller and takes twice as long. */
const COMPRESSION = 6;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", multiple: true, default: [] },
    version: { type: "string", default: DROVER_VERSION },
  },
});
const unknown = values.only.find((name) => !TARGETS.some((target) => target === name));
const isVersion = /^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$/.test(values.version);
if (unknown !== undefined || !isVersion) {
  const problem =
    unknown === undefined ? `${values.version} is no version` : `there is ${TARGETS.join(", ")} and no ${unknown}`;
  process.stderr.write(`release: ${problem}\n`);
  process.exit(2);
}
const folder = resolve(positionals[0] ?? join(dirname(import.meta.dirname), "dist"));
const targets = TARGETS.filter((target) => values.only.length === 0 || values.only.includes(target));
const { files, missing } = await makeRelease(folder, { version: values.version, targets, compression: COMPRESSION });
for (const file of [...files, "SHA256SUMS"]) process.stdout.write(`${join(folder, file)}\n`);
for (const reason of missing) process.stderr.write(`release: ${reason}\n`);
// What was asked for by name must be there; without a name it is what this machine can make.
process.exitCode = missing.length > 0 && (values.only.length > 0 || missing.length === targets.length) ? 1 : 0;
