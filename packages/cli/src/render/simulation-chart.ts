import { formatDuration } from "@drover/shared/units.ts";
import type { Outcome } from "./simulation.ts";

const WIDTH = 960;
const PANEL_HEIGHT = 200;
const MARGIN = { left: 64, right: 16, top: 40, between: 48, bottom: 40 };
const COLORS = ["#2563eb", "#d97706", "#059669", "#9333ea"];
/** More points than pixels show nothing more. */
const MAX_POINTS = 2 * WIDTH;

/** GPUs held and tasks waiting over time, as an SVG document: a line for each policy. */
export function drawOutcomes(outcomes: readonly Outcome[]): string {
  const points = outcomes.flatMap(({ measures }) => measures.series);
  const beginMs = points.reduce((least, { atMs }) => Math.min(least, atMs), points[0]?.atMs ?? 0);
  const endMs = points.reduce((most, { atMs }) => Math.max(most, atMs), beginMs + 1);
  const mostWaiting = points.reduce((most, { waitingCount }) => Math.max(most, waitingCount), 1);
  const second = MARGIN.top + PANEL_HEIGHT + MARGIN.between;
  const height = second + PANEL_HEIGHT + MARGIN.bottom;
  const panels = [
    { top: MARGIN.top, title: "GPUs held, percent", most: 100, valueOf: (point: Point) => point.gpuAllocatedPercent },
    { top: second, title: "tasks waiting", most: mostWaiting, valueOf: (point: Point) => point.waitingCount },
  ];
  const span = { beginMs, endMs };
  const body = panels.flatMap((panel) => [
    frame(panel, span),
    ...outcomes.map(({ measures }, index) => line(measures.series, panel, span, index)),
  ]);
  const legend = outcomes.map(({ policy }, index) =>
    text(MARGIN.left + index * 160, 18, policy, `fill="${colorOf(index)}" font-weight="bold"`),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="#fff"/>\n${[...legend, ...body].join("\n")}\n</svg>\n`;
}

type Point = Outcome["measures"]["series"][number];

interface Panel {
  top: number;
  title: string;
  most: number;
  valueOf: (point: Point) => number;
}

interface Span {
  beginMs: number;
  endMs: number;
}

function frame({ top, title, most }: Panel, { beginMs, endMs }: Span): string {
  const right = WIDTH - MARGIN.right;
  const bottom = top + PANEL_HEIGHT;
  return [
    `<path d="M${MARGIN.left} ${top}V${bottom}H${right}" fill="none" stroke="#64748b"/>`,
    text(MARGIN.left, top - 6, title),
    text(MARGIN.left - 6, top + 10, String(most), 'text-anchor="end"'),
    text(MARGIN.left - 6, bottom, "0", 'text-anchor="end"'),
    text(right, bottom + 16, `after ${formatDuration(endMs - beginMs)}`, 'text-anchor="end"'),
  ].join("\n");
}

/** A value holds until the next: steps, not slopes. */
function line(
  series: readonly Point[],
  { top, most, valueOf }: Panel,
  { beginMs, endMs }: Span,
  index: number,
): string {
  const every = Math.max(1, Math.ceil(series.length / MAX_POINTS));
  const shown = series.filter((_, place) => place % every === 0 || place === series.length - 1);
  const width = WIDTH - MARGIN.left - MARGIN.right;
  const steps = shown.map((point) => {
    const x = MARGIN.left + (width * (point.atMs - beginMs)) / (endMs - beginMs);
    const y = top + PANEL_HEIGHT * (1 - valueOf(point) / most);
    return `H${x.toFixed(1)}V${y.toFixed(1)}`;
  });
  return `<path d="M${MARGIN.left} ${top + PANEL_HEIGHT}${steps.join("")}" fill="none" stroke="${colorOf(index)}" stroke-width="1.5"/>`;
}

function colorOf(index: number): string {
  return COLORS[index % COLORS.length] as string;
}

function text(x: number, y: number, words: string, attributes = ""): string {
  const escaped = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x}" y="${y}" ${attributes}>${escaped}</text>`;
}
