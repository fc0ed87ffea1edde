import { isIP } from "node:net";
import { Command, InvalidArgumentError, Option } from "commander";
import { invariant } from "@drover/shared/assert.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { parseDurationMs } from "@drover/shared/units.ts";
import { DROVER_VERSION } from "@drover/shared/version.ts";
import { isLoopbackHost } from "./http/loopback.ts";

export interface CoordinatorConfig {
  host: string;
  port: number;
  dataDir: string;
  log: "json" | "pretty";
  logLevel: string;
  leaseMs: number;
  heartbeatIntervalMs: number;
  /** Whoever can read this file is an admin; `null`: there is none. */
  localTokenFile: string | null;
  /** Where models named `hf://…` come from. */
  hubEndpoint: string;
  /** The token for it, as the environment gives it, and the file that holds one; the file wins. */
  hubToken: string | null;
  hubTokenFile: string | null;
  /** What it is called, by whoever does not reach it as loopback. */
  names: readonly string[];
  /** Addresses and networks whose word is taken on who asks, and by which name and scheme. */
  trustedProxies: readonly string[];
  tls: TlsConfig;
  /** Where a release lies for nodes to fetch; `null`: in the data directory's `artifacts`. */
  artifactsDir: string | null;
}

export type TlsConfig =
  /** Plain HTTP: what is sent can be read on the way. */
  | { type: "none" }
  /** By an authority of the coordinator's own. */
  | { type: "own" }
  | { type: "given"; certFile: string; keyFile: string };

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];

/** What the command line asks for. */
export type Invocation =
  | { command: "run"; config: CoordinatorConfig }
  | { command: "backup" | "restore"; dataDir: string; file: string; json: boolean }
  | { command: "resetAdmin"; dataDir: string }
  | { command: "caFingerprint"; dataDir: string };

/** Options win over environment variables, and those over the defaults. */
export function readInvocation(argv: readonly string[], isTerminal: boolean): Invocation {
  let invocation: Invocation | undefined;
  const program = describeProgram(isTerminal).action((options: RunOptions) => {
    invocation = { command: "run", config: readConfig(options) };
  });
  for (const [command, description] of Object.entries(COPY_COMMANDS) as [keyof typeof COPY_COMMANDS, string][]) {
    program
      .command(command)
      .description(description)
      .argument("<file>", "the backup")
      .option("--json", "say what was done as JSON")
      .action((file: string, { json = false }: { json?: boolean }) => {
        invocation = { command, dataDir: program.opts<RunOptions>().dataDir, file, json };
      });
  }
  program
    .command("token")
    .description("see to the admin token, on the coordinator's own machine")
    .helpCommand(false)
    .command("reset-admin")
    .description("make a new admin token in the place of the old, while a coordinator runs or not, and print it")
    .action(() => {
      invocation = { command: "resetAdmin", dataDir: program.opts<RunOptions>().dataDir };
    });
  program
    .command("ca-fingerprint")
    .description("print what clients are to trust: DROVER_CA_FINGERPRINT for drover, on other machines")
    .action(() => {
      invocation = { command: "caFingerprint", dataDir: program.opts<RunOptions>().dataDir };
    });
  program.parse([...argv], { from: "user" });
  invariant(invocation, "a command line that parses asks for something");
  return invocation;
}

const COPY_COMMANDS = {
  backup: "copy the database into a file, while a coordinator runs or not",
  restore: "put a backup in the database's place, while no coordinator runs",
} as const;

interface RunOptions {
  listen: string;
  dataDir: string;
  log: "json" | "pretty";
  logLevel: string;
  lease: number;
  heartbeat: number;
  localToken?: string;
  hfEndpoint: string;
  hfTokenFile?: string;
  advertise?: string[];
  trustedProxy?: string;
  tlsCert?: string;
  tlsKey?: string;
  insecurePlainHttp?: true;
  artifacts?: string;
}

function describeProgram(isTerminal: boolean): Command {
  return new Command("drover-coordinator")
    .description("Schedules the fleet's work and remembers it.")
    .version(DROVER_VERSION)
    .addOption(
      new Option("--listen <host:port>", "where the API and the agents' link are reached")
        .env("DROVER_LISTEN")
        .default("127.0.0.1:7070"),
    )
    .addOption(
      new Option("--data-dir <dir>", "state and job output; one coordinator per directory")
        .env("DROVER_DATA_DIR")
        .makeOptionMandatory(),
    )
    .addOption(
      new Option("--log <format>", "json for machines, pretty for people")
        .choices(["json", "pretty"])
        .default(isTerminal ? "pretty" : "json", isTerminal ? "pretty on a terminal" : "json"),
    )
    .addOption(
      new Option("--log-level <level>", "least important line that is written")
        .env("DROVER_LOG_LEVEL")
        .choices(LOG_LEVELS)
        .default("info"),
    )
    .addOption(
      new Option("--lease <duration>", "how long a silent node may be believed alive")
        .env("DROVER_LEASE")
        .argParser(parseDurationOption)
        .default(300_000, "5m"),
    )
    .addOption(
      new Option("--heartbeat <duration>", "how often agents report")
        .env("DROVER_HEARTBEAT")
        .argParser(parseDurationOption)
        .default(5_000, "5s"),
    )
    .addOption(
      new Option("--local-token <file>", "keep an admin token in this file, for whoever can read it").env(
        "DROVER_LOCAL_TOKEN",
      ),
    )
    .addOption(
      new Option("--hf-endpoint <url>", "the Hugging Face Hub, or a mirror of it")
        .env("HF_ENDPOINT")
        .default("https://huggingface.co"),
    )
    .addOption(
      new Option("--hf-token-file <file>", "holds a token for the Hub, read when it is needed; else HF_TOKEN").env(
        "DROVER_HF_TOKEN_FILE",
      ),
    )
    .addOption(
      new Option("--advertise <host,…>", "the names and addresses by which others reach it; its certificate names them")
        .env("DROVER_ADVERTISE")
        .argParser(parseNames),
    )
    .addOption(
      new Option(
        "--trusted-proxy <address,…>",
        "a proxy in front, or its network (10.0.0.0/8): its X-Forwarded-For, -Host and -Proto count",
      ).env("DROVER_TRUSTED_PROXY"),
    )
    .addOption(
      new Option("--tls-cert <file>", "a certificate that machines trust by themselves, with its chain, as PEM").env(
        "DROVER_TLS_CERT",
      ),
    )
    .addOption(
      new Option("--tls-key <file>", "its private key; both are read again when they change").env("DROVER_TLS_KEY"),
    )
    .option(
      "--insecure-plain-http",
      "no TLS, though others reach it: whoever is on the way reads the tokens and everything else",
    )
    .addOption(
      new Option("--artifacts <dir>", "the release that nodes are installed from (default: DATA_DIR/artifacts)").env(
        "DROVER_ARTIFACTS",
      ),
    )
    .allowExcessArguments(false);
}

function readConfig(options: RunOptions): CoordinatorConfig {
  if (options.lease < 3 * options.heartbeat) {
    throw new DroverError(
      "config.invalid",
      "--lease must be at least three times --heartbeat, or one late packet costs a node its attempts.",
    );
  }
  const { host, port } = parseListenAddress(options.listen);
  const advertised = options.advertise ?? [];
  const tls = readTls(options, isLoopbackHost(host) && advertised.length === 0);
  if (isWildcard(host) && advertised.length === 0 && tls.type !== "given")
    throw new DroverError("listen.nameMissing", `${host} is no name by which others could reach it.`);
  return {
    host,
    port,
    names: isWildcard(host) || isLoopbackHost(host) ? advertised : [...new Set([...advertised, host.toLowerCase()])],
    trustedProxies: options.trustedProxy === undefined ? [] : parseProxies(options.trustedProxy),
    tls,
    dataDir: options.dataDir,
    log: options.log,
    logLevel: options.logLevel,
    leaseMs: options.lease,
    heartbeatIntervalMs: options.heartbeat,
    localTokenFile: options.localToken ?? null,
    ...readHub(options),
    artifactsDir: options.artifacts ?? null,
  };
}

/** Plain HTTP only where nobody else can be on the way, or where somebody has said so in as many words. */
function readTls({ tlsCert, tlsKey, insecurePlainHttp }: RunOptions, isOnlyForThisMachine: boolean): TlsConfig {
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new DroverError("config.invalid", "--tls-cert and --tls-key go together.");
  if (tlsCert !== undefined && tlsKey !== undefined) {
    if (insecurePlainHttp)
      throw new DroverError("config.invalid", "--insecure-plain-http leaves no use for --tls-cert.");
    return { type: "given", certFile: tlsCert, keyFile: tlsKey };
  }
  return { type: insecurePlainHttp || isOnlyForThisMachine ? "none" : "own" };
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::" || host === "*";
}

function parseNames(text: string): string[] {
  const names = text.split(",").map((name) => name.trim().toLowerCase());
  const wrong = names.find((name) => isIP(name) === 0 && !HOST_NAME.test(name));
  if (wrong !== undefined)
    throw new InvalidArgumentError(`"${wrong}" is no name or address; write, for example, coord.example,10.0.0.5.`);
  return [...new Set(names)];
}

function parseProxies(text: string): string[] {
  const proxies = text.split(",").map((proxy) => proxy.trim());
  const wrong = proxies.find((proxy) => {
    const [address = "", bits, ...more] = proxy.split("/");
    const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
    return most < 0 || more.length > 0 || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most));
  });
  if (wrong !== undefined)
    throw new DroverError(
      "config.invalid",
      `--trusted-proxy "${wrong}" is no address or network, such as 10.0.0.5 or 172.16.0.0/12.`,
    );
  return proxies;
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** `127.0.0.1:7070`, `[::1]:7070`, `localhost:0`, `0.0.0.0:7070`. */
export function parseListenAddress(text: string): { host: string; port: number } {
  const match = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match?.[1] || port > 65_535) throw new DroverError("listen.invalidAddress", `"${text}" is not HOST:PORT.`);
  return { host: match[1].replace(/^\[(.*)\]$/, "$1"), port };
}

/** Whoever is on the way to a mirror without TLS would read the token. */
function readHub(options: RunOptions): Pick<CoordinatorConfig, "hubEndpoint" | "hubToken" | "hubTokenFile"> {
  const { hfEndpoint, hfTokenFile } = options;
  const hubTokenFile = hfTokenFile ?? null;
  const hubEndpoint = requireHttpUrl(hfEndpoint);
  const hubToken = process.env["HF_TOKEN"] || null;
  const { protocol, hostname } = new URL(hubEndpoint);
  const isReadable = protocol === "http:" && !isLoopbackHost(hostname);
  if (isReadable && (hubToken !== null || hubTokenFile !== null))
    throw new DroverError(
      "config.invalid",
      "--hf-endpoint must be https:// where there is a token for it (--hf-token-file, HF_TOKEN).",
    );
  return { hubEndpoint, hubToken, hubTokenFile };
}

function requireHttpUrl(text: string): string {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.search === "") return text;
  throw new DroverError("config.invalid", "--hf-endpoint is an address such as https://huggingface.co.");
}

function parseDurationOption(text: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs === null || durationMs === 0) throw new InvalidArgumentError('Write a duration such as "5s" or "5m".');
  return durationMs;
}
