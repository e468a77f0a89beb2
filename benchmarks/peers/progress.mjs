// What a worker process says on its standard output, for programs of Node: the lines of benchmarks/progress.py.
//
// A worker connects, says "ready" and waits for a line: the barrier. From then on it tells how many jobs are
// done and by when, on the monotonic clock that all processes of a machine share. It ends when its standard
// input does.

import { createInterface } from "node:readline";

const EVERY = 20; // milliseconds between reports

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Seconds on the clock that Python's time.monotonic() reads. */
export const now = () => Number(process.hrtime.bigint()) / 1e9;

/** One line to whoever started this process. */
export const say = (facts) => process.stdout.write(JSON.stringify(facts) + "\n");

/** Everything is connected. */
export const ready = () => process.stdout.write("ready\n");

/** The next line that this process is told; null once its standard input has ended. */
export async function told() {
  const { value, done } = await lines.next();
  return done ? null : value;
}

/** Counts a worker's jobs. */
export class Progress {
  done = 0;
  first = null;
  last = null;

  /** A job starts. */
  started() {
    this.first ??= now();
  }

  /** The server has confirmed that so many jobs are finished. */
  finished(jobs = 1) {
    this.done += jobs;
    this.last = now();
  }

  /** Wait at the barrier, run the body, then report until standard input ends. */
  async untilTold(body) {
    ready();
    await told();
    const before = process.cpuUsage();
    let reported = 0;
    const report = () => {
      if (this.done > reported) {
        reported = this.done;
        const { user, system } = process.cpuUsage(before);
        say({ done: this.done, first: this.first, last: this.last, cpu: (user + system) / 1e6 });
      }
    };
    const reporting = setInterval(report, EVERY);
    try {
      await body();
      await told();
    } finally {
      clearInterval(reporting);
    }
  }
}

/** Store a job for each line that is told, and tell when the call began and when it returned. */
export async function sendWhenTold(send) {
  ready();
  for (let done = 1; (await told()) !== null; done++) {
    const called = now();
    await send(done);
    say({ done, called, returned: now() });
  }
}

/** A task that tells when it starts. */
export function tellingStart() {
  let done = 0;
  return async () => say({ started: now(), done: ++done });
}

/** Store jobs through `store(places)`, as many at a time, counting those that are stored. */
export async function storeAll(progress, jobs, size, store) {
  progress.started();
  for (let begin = 0; begin < jobs; begin += size) {
    const number = Math.min(size, jobs - begin);
    await store(Array.from({ length: number }, (_, place) => begin + place));
    progress.finished(number);
  }
}

/** Run the role that the settings on the command line name; "check" tells that all could be imported. */
export async function main(roles) {
  const settings = JSON.parse(process.argv[2]);
  if (settings.role !== "check") await roles[settings.role](settings);
  process.exit(0);
}
