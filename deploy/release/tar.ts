import { lstatSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;

/**
 * A tar archive (POSIX ustar) of a folder that is the same for the same content: entries in the order of their
 * names, no owner, no time, and of the modes only whether a file may be executed. Plain files and folders only.
 *
 * @param prefix the folder that all of it lies in within the archive
 */
export function tarOf(folder: string, prefix: string): Buffer {
  const blocks: Buffer[] = [];
  add(folder, prefix, blocks);
  // Two empty blocks end an archive.
  blocks.push(Buffer.alloc(2 * BLOCK_BYTES));
  return Buffer.concat(blocks);
}

function add(path: string, name: string, blocks: Buffer[]): void {
  const status = lstatSync(path);
  if (status.isDirectory()) {
    blocks.push(header(`${name}/`, 0o755, 0, "5"));
    for (const child of readdirSync(path).sort()) add(join(path, child), `${name}/${child}`, blocks);
  } else if (status.isFile()) {
    const content = readFileSync(path);
    const padding = (BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES;
    blocks.push(header(name, status.mode & 0o100 ? 0o755 : 0o644, content.length, "0"), content, Buffer.alloc(padding));
  } else {
    throw new Error(`${path} is neither a file nor a folder`);
  }
}

/** https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html, "ustar Interchange Format". */
function header(name: string, mode: number, sizeBytes: number, type: "0" | "5"): Buffer {
  if (Buffer.byteLength(name) > NAME_BYTES) throw new Error(`${name} is too long a name for this archive`);
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(name, 0);
  block.write(octal(mode, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(sizeBytes, 11), 124);
  block.write(octal(0, 11), 136);
  block.write(type, 156);
  block.write("ustar\u000000", 257);
  block.write("root", 265);
  block.write("root", 297);
  // The sum is taken over the header with blanks in its own place.
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\u0000 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
