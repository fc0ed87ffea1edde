/**
 * Loaded before everything else in a worker (`--import`): puts one planted bug into one source file, in memory, as
 * it is loaded. The product has no switch for it.
 */
import { registerHooks } from "node:module";
import { MUTANTS } from "./mutants.ts";

const mutant = MUTANTS.find(({ name }) => name === process.env["DROVER_MUTANT"]);
if (!mutant) throw new Error(`DROVER_MUTANT=${process.env["DROVER_MUTANT"]} is no mutant`);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(`/${mutant.file}`)) return loaded;
    const source = Buffer.from(loaded.source as Uint8Array).toString();
    const places = source.split(mutant.find).length - 1;
    if (places !== 1)
      throw new Error(`mutant ${mutant.name}: ${places} places in ${mutant.file} are to be changed, not 1`);
    return { ...loaded, source: source.replace(mutant.find, () => mutant.replace) };
  },
});
