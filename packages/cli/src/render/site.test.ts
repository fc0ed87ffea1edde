import { describe, expect, test } from "vitest";
import { aSiteList } from "../testing/builders.ts";
import { renderFrozen, renderSites } from "./site.ts";

const VIEW = { nowMs: Date.parse("2026-01-02T03:05:05.000Z"), width: null };
const FROZEN = { frozenSince: "2026-01-02T03:04:05.000Z", why: "3 of 4 nodes are silent" };

describe("the list of sites", () => {
  test("shows how many nodes of each are online, and which are frozen", () => {
    const list = aSiteList([
      { name: "berlin", nodes: 4, online: 1, ...FROZEN },
      { name: null, nodes: 2, online: 2, frozenSince: null, why: null },
    ]);
    expect(renderSites(list, VIEW)).toMatchInlineSnapshot(`
      "SITE    NODES  ONLINE  FROZEN
      berlin      4       1  1m ago
      -           2       2       -
      "
    `);
  });
});

describe("what is frozen", () => {
  test("is told in one line a site, with why and what to do", () => {
    const list = aSiteList([
      { name: "berlin", nodes: 4, online: 1, ...FROZEN },
      { name: null, nodes: 4, online: 0, ...FROZEN },
      { name: "paris", nodes: 2, online: 2, frozenSince: null, why: null },
    ]);
    expect(renderFrozen(list, VIEW)).toMatchInlineSnapshot(`
      "site berlin was frozen 1m ago: 3 of 4 nodes are silent; nothing that runs there is given away until they answer, or are declared gone: drover node gone NODE, each of them
      the site without a name was frozen 1m ago: 3 of 4 nodes are silent; nothing that runs there is given away until they answer, or are declared gone: drover site gone -
      "
    `);
  });

  test("may be the fleet while no site is", () => {
    const list = aSiteList([{ name: "berlin", nodes: 2, online: 1, frozenSince: null, why: null }], FROZEN);
    expect(renderFrozen(list, VIEW)).toMatch(/^the fleet was frozen 1m ago: 3 of 4 .*drover node gone NODE\n$/);
  });

  test("is nothing, where all is well", () => {
    expect(renderFrozen(aSiteList([]), VIEW)).toBe("");
  });
});
