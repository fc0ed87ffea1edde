import type { ContainerRuntime, Software } from "@drover/shared/domain/machine.ts";
import type { MachineFiles } from "./machine-files.ts";
import { parseCudaToolkit, parseDockerInfo, parseVersion } from "./parse/software.ts";
import type { RunTool } from "./run-tool.ts";

const TIMEOUT_MS = 5_000;

export async function readSoftware(run: RunTool, files: MachineFiles): Promise<Omit<Software, "driverCudaVersion">> {
  const [docker, podman, python] = await Promise.all([
    run("docker", ["info", "--format", "{{.ServerVersion}} {{json .Runtimes}}"], TIMEOUT_MS),
    run("podman", ["--version"], TIMEOUT_MS),
    run("python3", ["--version"], TIMEOUT_MS),
  ]);
  // Written by `nvidia-ctk cdi generate`: both runtimes can hand out devices by it.
  const hasCdi = ["/etc/cdi", "/var/run/cdi"].some((folder) =>
    files.list(folder).some((name) => name.startsWith("nvidia")),
  );
  const runtimes: ContainerRuntime[] = [];
  const info = docker?.exitCode === 0 ? parseDockerInfo(docker.stdout) : null;
  if (info) runtimes.push({ name: "docker", version: info.version, hasNvidia: info.hasNvidia || hasCdi });
  if (podman?.exitCode === 0)
    runtimes.push({ name: "podman", version: parseVersion(podman.stdout), hasNvidia: hasCdi });
  return {
    containerRuntimes: runtimes,
    cudaToolkitVersion: parseCudaToolkit(files.read("/usr/local/cuda/version.json")),
    pythonVersion: python?.exitCode === 0 ? parseVersion(python.stdout) : null,
  };
}
