/**
 * What an agent of protocol version 1 really sent, recorded from the last release that spoke it: it connects,
 * runs one attempt that writes `hello` and exits with 3, loses its connection on the way, and says hello again.
 * Never edited: this is what agents in the field say.
 */
export const VERSION_1_ATTEMPT_ID = "1.0.1-k7q2mx";
export const VERSION_1_NODE_ID = "node-fddn7v6vqz3h";

const HELLO = `{"type":"hello","protocolVersion":1,"agentVersion":"0.1.0","nodeId":"node-fddn7v6vqz3h","name":"gpu-01","bootId":"8c214c80-7e9d-4102-938a-8f2b9927643d","capacity":{"cpuMilli":4000,"memoryBytes":17179869184,"gpuIds":[]},"hardware":{"cpu":{"model":"AMD EPYC","cores":2,"physicalCores":2},"memoryBytes":25276514304,"disks":[{"mount":"/","fileSystem":"ext4","sizeBytes":270553174016,"freeBytes":83570442240}],"gpus":[],"os":"Debian GNU/Linux 12","kernel":"6.18.44","architecture":"x64","warnings":[]}`;
const RUNNING = `{"attemptId":"1.0.1-k7q2mx","state":"running","pid":16385,"startedAtMs":1795501048739,"outcome":null,"endedAtMs":null,"outputBytes":0,"usage":null}`;
const EXITED = `"pid":16385,"startedAtMs":1795501048739,"outcome":{"type":"exited","code":3},"endedAtMs":1795501052756,"outputBytes":6,"usage":{"cpuMs":3,"maxRssBytes":1634304}}`;

export const VERSION_1_FRAMES = {
  hello: `${HELLO},"attempts":[]}`,
  running: `{"type":"attempts","reports":[${RUNNING}]}`,
  heartbeat: `{"type":"heartbeat","sequence":0,"load":{"load1":1.81,"memoryAvailableBytes":24162570240,"dataDiskFreeBytes":83568291840}}`,
  helloWithAttempt: `${HELLO},"attempts":[${RUNNING}]}`,
  releasing: `{"type":"attempts","reports":[{"attemptId":"1.0.1-k7q2mx","state":"releasing",${EXITED}]}`,
  ended: `{"type":"attempts","reports":[{"attemptId":"1.0.1-k7q2mx","state":"ended",${EXITED}]}`,
} as const;

/** The six bytes that the attempt wrote, as its one output frame. */
export const VERSION_1_OUTPUT_FRAME = "AQwxLjAuMS1rN3EybXgAAAAAAAAAAGhlbGxvCg==";
