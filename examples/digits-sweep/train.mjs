// One task of the sweep: trains with the hyper-parameters that its index stands for, tells how it goes,
// and ends with one line of JSON, the metrics.
import { loadDigits } from "./digits.mjs";
import { Network } from "./network.mjs";

const LEARNING_RATES = [0.001, 0.005, 0.02, 0.1];
const HIDDEN_UNITS = [16, 64];
const EPOCHS = 4;
const SEED = 20260101;

const GRID = HIDDEN_UNITS.flatMap((hiddenUnits) =>
  LEARNING_RATES.map((learningRate) => ({ hiddenUnits, learningRate })),
);

const taskIndex = Number(process.env.DROVER_TASK_INDEX ?? 0);
const parameters = GRID[taskIndex];
if (!parameters) {
  console.error(`There are ${GRID.length} combinations, so no task ${taskIndex}: set array.size to ${GRID.length}.`);
  process.exit(2);
}
const { hiddenUnits, learningRate } = parameters;

const { training, test } = loadDigits();
console.log(`${training.length} digits to train on, ${test.length} to test with`);
console.log(`learning rate ${learningRate}, ${hiddenUnits} hidden units, ${EPOCHS} epochs`);

const random = randomFrom(SEED);
const network = new Network({ hiddenUnits, random });
const startedAt = performance.now();
let testAccuracy = 0;
for (let epoch = 1; epoch <= EPOCHS; epoch++) {
  shuffle(training, random);
  let lossSum = 0;
  for (const digit of training) lossSum += network.learn(digit, learningRate);
  testAccuracy = accuracyOf(network, test);
  console.log(
    `epoch ${epoch}/${EPOCHS}  loss ${(lossSum / training.length).toFixed(4)}  test accuracy ${percent(testAccuracy)}`,
  );
}

const seconds = Number(((performance.now() - startedAt) / 1000).toFixed(2));
console.log(JSON.stringify({ taskIndex, learningRate, hiddenUnits, epochs: EPOCHS, testAccuracy, seconds }));

function accuracyOf(trained, digits) {
  return digits.filter(({ pixels, label }) => trained.classify(pixels) === label).length / digits.length;
}

function percent(ratio) {
  return `${(ratio * 100).toFixed(2)} %`;
}

/** Fisher and Yates' shuffle, in place. */
function shuffle(items, draw) {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(draw() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
}

/** mulberry32: the same numbers from the same seed, so that a sweep can be repeated to the digit. */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
