import { expect, test } from "vitest";
import { fillInstallScript, type ServedScript } from "./install-script.ts";

const SCRIPT = "#!/bin/sh\nSERVED_COORDINATOR=''\nSERVED_VERSION=''\nSERVED_SHA256SUMS=''\nSERVED_CA=''\nmain\n";
const SERVED: ServedScript = {
  coordinatorUrl: "https://coord.example:7070",
  version: "0.1.0",
  checksums: `${"0a".repeat(32)}  drover-0.1.0-linux-x64.tar.gz`,
  caCertificate: "-----BEGIN CERTIFICATE-----\nMII+/=\n-----END CERTIFICATE-----",
};

test("the script says who served it, of which version, and what its archives are", () => {
  expect(fillInstallScript(SCRIPT, SERVED)).toBe(
    "#!/bin/sh\nSERVED_COORDINATOR='https://coord.example:7070'\nSERVED_VERSION='0.1.0'\n" +
      `SERVED_SHA256SUMS='${SERVED.checksums}'\n` +
      "SERVED_CA='-----BEGIN CERTIFICATE-----\nMII+/=\n-----END CERTIFICATE-----'\nmain\n",
  );
});

test("what is not known stays empty", () => {
  expect(fillInstallScript(SCRIPT, { ...SERVED, version: null, checksums: "", caCertificate: null })).toContain(
    "SERVED_VERSION=''\nSERVED_SHA256SUMS=''\nSERVED_CA=''\n",
  );
});

test.each(["https://a'; rm -rf /; '", "https://$(id)", "https://`id`", 'https://"', "https://a\\"])(
  "%s does not get into a shell script",
  (coordinatorUrl) => {
    expect(fillInstallScript(SCRIPT, { ...SERVED, coordinatorUrl })).toBeNull();
  },
);
