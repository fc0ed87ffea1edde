import { expect, test } from "vitest";
import { findJobUser, type JobUserSource } from "./job-user.ts";

const FILES: Record<string, string> = {
  "/etc/passwd":
    "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\ndrover-job:x:997:995::/var/lib/drover-job:/usr/sbin/nologin\nanna:x:1000:1000:Anna,,,:/home/anna:/bin/sh\n",
  "/etc/group": "root:x:0:\nvideo:x:44:anna,drover-job\nrender:x:105:drover-job\ndrover-job:x:995:\nanna:x:1000:\n",
};
const root: JobUserSource = { uid: 0, readText: (path) => FILES[path] ?? null };
const drover = { name: "drover-job", uid: 997, gid: 995, groups: [995, 44, 105] };

test("an agent that is root runs tasks as drover-job where there is one", () => {
  expect(findJobUser(undefined, root)).toEqual(drover);
  expect(findJobUser("", root)).toEqual(drover);
});

test("an agent that is not root runs them as itself", () => {
  expect(findJobUser(undefined, { ...root, uid: 1000 })).toBeNull();
  expect(findJobUser("anna", { ...root, uid: 1000 })).toBeNull();
});

test("root must be asked for by name, and by no other", () => {
  expect(findJobUser("root", root)).toBeNull();
  expect(findJobUser("root", { ...root, readText: () => null })).toBeNull();
  expect(() => findJobUser("toor", root)).toThrow('--job-user "toor" has all the rights of root');
});

test.each([undefined, ""])("where nobody is named (%j) and there is no drover-job, root says what to do", (name) => {
  expect(() => findJobUser(name, { ...root, readText: () => null })).toThrow(
    /no user drover-job .*useradd .* drover-job.*--job-user root\.$/,
  );
});

test("another user can be named by root alone, and must be there", () => {
  expect(findJobUser("anna", root)).toMatchObject({ uid: 1000, groups: [1000, 44] });
  expect(() => findJobUser("drover-job", { ...root, uid: 1000 })).toThrow("needs an agent that is root");
  expect(() => findJobUser("bob", root)).toThrow('--job-user "bob" is no user of this machine.');
});
