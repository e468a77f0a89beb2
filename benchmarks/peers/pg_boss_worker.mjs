// pg-boss: two loops of fetch() and complete() of 500, insert() for many; a queue that notifies where
// latency counts, which is not its default.

import { PgBoss } from "pg-boss";

import { Progress, main, ready, sendWhenTold, storeAll, tellingStart, told } from "./progress.mjs";

const QUEUE = "noop";
const BATCH = 500;
const LOOPS = 2; // as localConcurrency of its work(): one waits for the server while the other works
const CHUNK = 5_000;
const IDLE = 5; // milliseconds to wait where there was nothing to fetch

const dataOf = (place) => ({ args: [place] });

/** Its client, in a block. */
async function withBoss({ dsn }, use, options = {}) {
  const boss = new PgBoss({ connectionString: dsn, ...options });
  boss.on("error", console.error);
  await boss.start();
  try {
    await use(boss);
  } finally {
    await boss.stop({ graceful: false });
  }
}

const insertAll = (boss) => (places) =>
  boss.insert(
    QUEUE,
    places.map((place) => ({ data: dataOf(place) })),
  );

async function load(settings) {
  await withBoss(settings, async (boss) => {
    await boss.createQueue(QUEUE, { notify: settings.listen ?? false });
    await storeAll(new Progress(), settings.jobs, CHUNK, insertAll(boss));
  });
}

async function single(settings) {
  await withBoss(settings, async (boss) => {
    const progress = new Progress();
    const send = ([place]) => boss.send(QUEUE, dataOf(place));
    await send([0]); // plans and caches
    await progress.untilTold(() => storeAll(progress, settings.jobs, 1, send));
  });
}

async function bulk(settings) {
  await withBoss(settings, async (boss) => {
    const progress = new Progress();
    await insertAll(boss)([0]);
    await progress.untilTold(() => storeAll(progress, settings.jobs, CHUNK, insertAll(boss)));
  });
}

async function drain(settings) {
  await withBoss(settings, async (boss) => {
    const progress = new Progress();
    const noop = async () => progress.started();
    let stopping = false;

    async function work() {
      while (!stopping) {
        const jobs = await boss.fetch(QUEUE, { batchSize: BATCH });
        if (jobs.length === 0) {
          await new Promise((later) => setTimeout(later, IDLE));
          continue;
        }
        await Promise.all(jobs.map((job) => noop(job.data)));
        await boss.complete(
          QUEUE,
          jobs.map((job) => job.id),
        );
        progress.finished(jobs.length);
      }
    }

    let working;
    await progress.untilTold(async () => {
      working = Promise.all(Array.from({ length: LOOPS }, work));
    });
    stopping = true;
    await working;
  });
}

async function pickup(settings) {
  const listening = { useListenNotify: true };
  await withBoss(
    settings,
    async (boss) => {
      const start = tellingStart();
      await boss.work(QUEUE, ([job]) => start(job.data));
      ready();
      while ((await told()) !== null);
    },
    listening,
  );
}

const send = (settings) =>
  withBoss(settings, (boss) => sendWhenTold((place) => boss.send(QUEUE, dataOf(place))));

await main({ load, drain, single, bulk, pickup, send });
