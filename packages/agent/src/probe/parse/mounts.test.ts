import { expect, test } from "vitest";
import { parseMounts } from "./mounts.ts";

const MOUNT_INFO = `
21 1 259:2 / / rw,relatime - ext4 /dev/nvme0n1p2 rw
22 21 0:5 / /proc rw - proc proc rw
23 21 0:6 / /dev rw - devtmpfs udev rw
24 23 0:25 / /dev/shm rw - tmpfs tmpfs rw,size=65536k
25 21 259:1 / /boot/efi rw - vfat /dev/nvme0n1p1 rw
26 21 7:0 / /snap/core/1 ro - squashfs /dev/loop0 ro
27 21 259:5 / /data rw - xfs /dev/nvme1n1 rw
28 21 259:5 /jobs /var/jobs rw - xfs /dev/nvme1n1 rw
29 21 0:50 / /mnt/models\\040on\\040nas ro,relatime - nfs4 nas:/export/models rw,vers=4.2
30 21 0:51 / /workspace rw - fuse.mount-s3 mountpoint-s3 rw
31 21 0:52 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
32 21 0:53 / /old rw - ext4 /dev/sdb1 rw
33 32 0:54 / /old rw - ext4 /dev/sdc1 rw
`;

test("the mounts that matter are disks, network volumes and shared memory, each once", () => {
  expect(
    parseMounts(MOUNT_INFO).map(({ mount, source, isNetwork, isReadOnly }) => [mount, source, isNetwork, isReadOnly]),
  ).toEqual([
    ["/", "/dev/nvme0n1p2", false, false],
    ["/dev/shm", "tmpfs", false, false],
    ["/data", "/dev/nvme1n1", false, false],
    ["/mnt/models on nas", "nas:/export/models", true, true],
    ["/workspace", "mountpoint-s3", true, false],
    ["/old", "/dev/sdc1", false, false],
  ]);
});

test("a container's root is an overlay, and its bound files are no disks", () => {
  const container = `
100 90 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/a
101 100 259:2 /docker/hosts /etc/hosts rw - ext4 /dev/sda1 rw
102 100 259:9 /volume /workspace rw - ext4 /dev/sdd1 rw
`;
  expect(parseMounts(container).map(({ mount }) => mount)).toEqual(["/", "/workspace"]);
});
