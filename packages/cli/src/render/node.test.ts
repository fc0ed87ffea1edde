import { describe, expect, test } from "vitest";
import { aNode } from "../testing/builders.ts";
import { renderNode, renderNodes } from "./node.ts";

const VIEW = { nowMs: Date.parse("2026-01-02T03:05:05.000Z"), width: null };

describe("the list of nodes", () => {
  test("shows what of each node is held", () => {
    expect(renderNodes([aNode()], VIEW)).toMatchInlineSnapshot(`
      "NODE    SITE    STATE     CPUS        MEMORY  GPUS  ATTEMPTS  CPU MODEL   ID
      gpu-01  berlin  online  1.5/16  8 GiB/64 GiB   1/2         1  EPYC 7443P  node-4k7x9q2mab3c
      "
    `);
  });

  test("tells of a node that takes no new work", () => {
    expect(renderNodes([aNode({ admin: "draining" })], VIEW)).toContain("online, draining");
  });
});

describe("one node", () => {
  test("shows its hardware, its load and what runs there", () => {
    const text = renderNode(aNode(), VIEW);
    expect(text).toContain("EPYC 7443P, 16 cores (8 physical)");
    expect(text).toContain("RTX 4090, 24 GiB, driver 570.1, GPU-1");
    expect(text).toContain("1 GiB free of 1 TiB, ext4");
    expect(text).toContain("12.0.1-k7q2mx");
    expect(text).toMatch(/^site +berlin$/m);
  });

  test("says what of the hardware could not be read", () => {
    const node = aNode();
    node.hardware.warnings.push("nvidia-smi does not answer");
    expect(renderNode(node, VIEW)).toContain("nvidia-smi does not answer");
  });
});
