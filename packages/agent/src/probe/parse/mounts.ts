export interface Mount {
  mount: string;
  fileSystem: string;
  source: string;
  isNetwork: boolean;
  isReadOnly: boolean;
}

const NETWORK =
  /^(nfs4?|cifs|smb3?|smbfs|ceph|glusterfs|lustre|beegfs|gpfs|9p|afs|fuse\.(sshfs|rclone|s3fs|juicefs|ceph|glusterfs|gcsfuse|mount-s3))$/;
/** Local ones whose source is no device of /dev. */
const LOCAL = /^(overlay|zfs|btrfs|fuse\.mergerfs|virtiofs)$/;
/** The system's own, where nobody keeps work. */
const SYSTEM = /^\/(boot|snap|proc|sys|dev|run|var\/lib\/(docker|containers|kubelet|snapd)|etc)(\/|$)/;

/**
 * The file systems on which work, caches and data lie, from /proc/self/mountinfo: disks, network volumes, and
 * /dev/shm, through which processes of one job exchange tensors. Of several mounts of one source the first counts.
 */
export function parseMounts(mountInfo: string): Mount[] {
  const mounts = new Map<string, Mount>();
  for (const line of mountInfo.split("\n", 10_000)) {
    const [before = "", after = ""] = line.split(" - ");
    const [, , device = "", root, mountPoint, options = ""] = before.split(" ");
    const [fileSystem, source = "", superOptions = ""] = after.split(" ");
    if (mountPoint === undefined || fileSystem === undefined || root === undefined) continue;
    const mount = unescape(mountPoint);
    const isNetwork = NETWORK.test(fileSystem);
    if (!isNetwork && !isLocalDisk(mount, fileSystem, source)) continue;
    const isReadOnly = [options, superOptions].some((list) => list.split(",").includes("ro"));
    const key = fileSystem === "overlay" ? mount : device;
    // What is mounted over another is all that can be seen there.
    for (const [hidden, { mount: place }] of mounts) if (place === mount) mounts.delete(hidden);
    // What is bound elsewhere a second time is the same disk; the whole of it is the better name.
    if (!mounts.has(key) || (root === "/" && mount === "/"))
      mounts.set(key, { mount, fileSystem, source: unescape(source), isNetwork, isReadOnly });
  }
  return [...mounts.values()].slice(0, 256);
}

function isLocalDisk(mount: string, fileSystem: string, source: string): boolean {
  if (mount === "/dev/shm") return fileSystem === "tmpfs";
  if (SYSTEM.test(mount) || fileSystem === "squashfs" || fileSystem === "iso9660") return false;
  return LOCAL.test(fileSystem) || source.startsWith("/dev/");
}

/** proc(5): blanks in names are written as `\040`. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Of all mounts that hold the path the deepest, and of those the newest, is where it lies. */
export function isOnReadOnlyMount(mountInfo: string, path: string): boolean {
  let best = { length: 0, isReadOnly: false };
  for (const line of mountInfo.split("\n", 10_000)) {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , , mountPoint, options = ""] = before.split(" ");
    if (mountPoint === undefined) continue;
    const mount = unescape(mountPoint);
    if (mount !== "/" && path !== mount && !path.startsWith(`${mount}/`)) continue;
    if (mount.length < best.length) continue;
    const superOptions = after.split(" ")[2] ?? "";
    best = { length: mount.length, isReadOnly: [options, superOptions].some((list) => list.split(",").includes("ro")) };
  }
  return best.isReadOnly;
}
