/** What we take from the tools of AMD and Intel: who the GPU is, its memory, its load. */
export interface OtherGpu {
  index: number;
  uuid: string | null;
  name: string | null;
  pciAddress: string | null;
  driverVersion: string | null;
  memoryTotalBytes: number | null;
  memoryUsedBytes: number | null;
  utilizationPercent: number | null;
  temperatureCelsius: number | null;
  powerWatts: number | null;
  powerLimitWatts: number | null;
  numaNode: number | null;
}
