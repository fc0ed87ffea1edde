/** The vendors' tools, by name in the PATH or by path. Which they are is configuration: `--nvidia-smi PATH`. */
export interface ToolPaths {
  nvidiaSmi: string;
  amdSmi: string;
  rocmSmi: string;
  xpuSmi: string;
}

export const DEFAULT_TOOL_PATHS: ToolPaths = {
  nvidiaSmi: "nvidia-smi",
  amdSmi: "amd-smi",
  rocmSmi: "rocm-smi",
  xpuSmi: "xpu-smi",
};
