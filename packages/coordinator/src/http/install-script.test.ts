import { expect, test } from "vitest";
import { fillInstallScript, type ServedScript } from "./install-script.ts";

const SCRIPT = "#!/bin/sh\nSERVED_COORDINATOR=''\nSERVED_VERSION=''\nSERVED_AT_S=''\nSERVED_CA=''\nmain\n";
const SERVED: ServedScript = {
  coordinatorUrl: "https://coord.example:7070",
  version: "0.1.0",
  servedAtMs: 1_700_000_000_999,
  caCertificate: "-----BEGIN CERTIFICATE-----\nMII+/=\n-----END CERTIFICATE-----",
};

test("the script says who served it, when and of which version", () => {
  expect(fillInstallScript(SCRIPT, SERVED)).toBe(
    "#!/bin/sh\nSERVED_COORDINATOR='https://coord.example:7070'\nSERVED_VERSION='0.1.0'\nSERVED_AT_S='1700000000'\n" +
      "SERVED_CA='-----BEGIN CERTIFICATE-----\nMII+/=\n-----END CERTIFICATE-----'\nmain\n",
  );
});

test("what is not known stays empty", () => {
  expect(fillInstallScript(SCRIPT, { ...SERVED, version: null, caCertificate: null })).toContain(
    "SERVED_VERSION=''\nSERVED_AT_S='1700000000'\nSERVED_CA=''\n",
  );
});

test.each(["https://a'; rm -rf /; '", "https://$(id)", "https://`id`", 'https://"', "https://a\\"])(
  "%s does not get into a shell script",
  (coordinatorUrl) => {
    expect(fillInstallScript(SCRIPT, { ...SERVED, coordinatorUrl })).toBeNull();
  },
);
