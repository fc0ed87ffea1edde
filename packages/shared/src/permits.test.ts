import { describe, expect, it } from "vitest";
import { Permits } from "./permits.ts";

const NEVER = new AbortController().signal;

describe("permits", () => {
  it("are given in the order in which they are asked for, so many at once", async () => {
    const permits = new Permits(2);
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const work = [0, 1, 2, 3].map((number) =>
      permits.with(NEVER, async () => {
        begun.push(number);
        await new Promise<void>((resolve) => ends.push(resolve));
      }),
    );
    expect(begun).toEqual([0, 1]);
    ends[1]?.();
    await work[1];
    ends[2]?.();
    await work[2];
    ends[0]?.();
    ends[3]?.();
    await Promise.all(work);
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  it("are not waited for by who has given up, and go to the next", async () => {
    const permits = new Permits(1);
    let end = (): void => {};
    const first = permits.with(NEVER, () => new Promise<void>((resolve) => (end = resolve)));
    const givingUp = new AbortController();
    const second = permits.with(givingUp.signal, async () => "done").catch((error: Error) => error.message);
    const third = permits.with(NEVER, async () => "done");
    givingUp.abort(new Error("given up"));
    expect(await second).toBe("given up");
    end();
    await first;
    expect(await third).toBe("done");
  });

  it("come back from work that fails", async () => {
    const permits = new Permits(1);
    await expect(permits.with(NEVER, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await permits.with(NEVER, async () => "done")).toBe("done");
  });
});
