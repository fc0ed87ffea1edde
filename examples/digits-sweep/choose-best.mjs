import { readFileSync } from "node:fs";

// The end of the sweep: reads what each task of the array wrote, from the coordinator, and prints the
// configurations from best to worst.
const coordinator = required("SWEEP_COORDINATOR");
const jobId = required("SWEEP_JOB_ID");
const token = readFileSync(required("SWEEP_TOKEN_FILE"), "utf8").trim();

const results = [];
for (const task of await tasksOf(jobId)) {
  if (task.state !== "succeeded") {
    console.log(`task ${task.index} ${task.state}: left out`);
    continue;
  }
  const output = await (await get(`/v1/jobs/${jobId}/output?task=${task.index}`)).text();
  results.push(JSON.parse(output.trimEnd().split("\n").at(-1)));
}
if (results.length === 0) {
  console.error(`No task of job ${jobId} has a result.`);
  process.exit(1);
}

results.sort((a, b) => b.testAccuracy - a.testAccuracy);
console.log("task  learning rate  hidden units  test accuracy  seconds");
for (const result of results) {
  const cells = [
    String(result.taskIndex).padStart(4),
    String(result.learningRate).padStart(13),
    String(result.hiddenUnits).padStart(12),
    percent(result.testAccuracy).padStart(13),
    result.seconds.toFixed(1).padStart(7),
  ];
  console.log(cells.join("  "));
}
const best = results[0];
console.log("");
console.log(
  `Best: task ${best.taskIndex} reads ${percent(best.testAccuracy)} of the test digits right, with learning rate ${best.learningRate} and ${best.hiddenUnits} hidden units.`,
);
console.log(JSON.stringify({ best, of: results.length }));

/** A long array comes in pages of tasks. */
async function tasksOf(id) {
  const tasks = [];
  for (let fromTask = 0; fromTask !== null;) {
    const page = await (await get(`/v1/jobs/${id}?fromTask=${fromTask}`)).json();
    tasks.push(...page.tasks);
    fromTask = page.nextTask;
  }
  return tasks;
}

async function get(path) {
  const response = await fetch(new URL(path, coordinator), { headers: { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
  return response;
}

function required(name) {
  const value = process.env[name];
  if (value !== undefined) return value;
  console.error(`Set ${name}; see the README beside this program.`);
  process.exit(2);
}

function percent(ratio) {
  return `${(ratio * 100).toFixed(2)} %`;
}
