/** Allocation in percent when 100 % and 130 % have arrived, mean of 10 seeds. */
export type Figures = readonly [number, number];

export const POLICIES = ["Random", "Dot-product", "GPU clustering", "GPU packing", "Best-fit", "FGD"] as const;

/**
 * What the policies of Weng et al., "Beware of Fragmentation" (USENIX ATC 2023), reach on the trace: from the result
 * table of their repository (hkust-adsl/kubernetes-scheduler-simulator, experiments/analysis/expected_results).
 */
export const PUBLISHED: Readonly<Record<string, readonly Figures[]>> = {
  default: [
    [86.3, 87.47],
    [90.62, 90.85],
    [91.65, 91.88],
    [91.78, 92.0],
    [92.86, 93.08],
    [95.23, 95.39],
  ],
  cpu100: [
    [87.44, 89.11],
    [91.73, 91.95],
    [92.42, 92.64],
    [92.5, 92.72],
    [93.26, 93.44],
    [95.21, 95.35],
  ],
  gpushare40: [
    [84.86, 86.0],
    [89.3, 89.56],
    [89.76, 90.02],
    [89.77, 90.03],
    [91.44, 91.69],
    [93.96, 94.15],
  ],
  multigpu20: [
    [86.92, 88.69],
    [91.85, 92.06],
    [93.34, 93.56],
    [93.5, 93.71],
    [93.73, 93.93],
    [95.53, 95.65],
  ],
  gpuspec10: [
    [86.26, 87.43],
    [90.17, 90.39],
    [91.96, 92.18],
    [92.24, 92.46],
    [93.1, 93.3],
    [94.66, 94.95],
  ],
};
