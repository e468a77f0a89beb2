// graphile-worker, with the settings of its documentation's page on performance.

import { Progress, main, ready, sendWhenTold, storeAll, tellingStart, told } from "./progress.mjs";

process.env.NO_LOG_SUCCESS = "1"; // as in its own performance test; it is read at the import
const { Logger, makeWorkerUtils, run } = await import("graphile-worker");
const { default: pg } = await import("pg");

const CONCURRENCY = 24;
const CHUNK = 5_000;
const WORKER = {
  concurrentJobs: CONCURRENCY,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};

// Standard output is for the protocol.
const logger = new Logger(() => (level, message) => {
  if (level === "error" || level === "warning") console.error(message);
});

const payloadOf = (place) => ({ args: [place] });

/** Its client for producers, in a block. */
async function withUtils({ dsn }, use) {
  const utils = await makeWorkerUtils({ connectionString: dsn, logger });
  try {
    await use(utils);
  } finally {
    await utils.release();
  }
}

const addAll = (utils) => (places) =>
  utils.addJobs(places.map((place) => ({ identifier: "noop", payload: payloadOf(place) })));

async function load(settings) {
  await withUtils(settings, async (utils) => {
    await utils.migrate();
    await storeAll(new Progress(), settings.jobs, CHUNK, addAll(utils));
  });
}

async function single(settings) {
  await withUtils(settings, async (utils) => {
    const progress = new Progress();
    const add = ([place]) => utils.addJob("noop", payloadOf(place));
    await add([0]); // plans and caches
    await progress.untilTold(() => storeAll(progress, settings.jobs, 1, add));
  });
}

async function bulk(settings) {
  await withUtils(settings, async (utils) => {
    const progress = new Progress();
    await addAll(utils)([0]);
    await progress.untilTold(() => storeAll(progress, settings.jobs, CHUNK, addAll(utils)));
  });
}

function poolOf(dsn) {
  const pool = new pg.Pool({ connectionString: dsn, max: CONCURRENCY + 1 });
  pool.on("error", console.error);
  pool.on("connect", (client) => client.on("error", console.error));
  return pool;
}

/** Call back once the server has deleted finished jobs: with a batch delay, the event job:complete comes
 * before that. */
function watchDeletions(pool, onDeleted) {
  pool.on("connect", (client) => {
    const query = client.query;
    client.query = (statement, ...rest) => {
      const answer = query.call(client, statement, ...rest);
      if (statement?.name?.startsWith("complete_job")) {
        answer.then((result) => onDeleted(result.rowCount), console.error);
      }
      return answer;
    };
  });
}

const start = (pgPool, noop) =>
  run({
    pgPool,
    preset: { worker: { ...WORKER, logger } },
    taskList: { noop },
    parsedCronItems: [],
    noHandleSignals: true,
  });

async function drain({ dsn }) {
  const progress = new Progress();
  const pool = poolOf(dsn);
  watchDeletions(pool, (jobs) => progress.finished(jobs));
  await pool.query("SELECT 1");
  let runner;
  await progress.untilTold(async () => {
    runner = await start(pool, async () => progress.started());
  });
  await runner.stop();
  await pool.end();
}

async function pickup({ dsn }) {
  const pool = poolOf(dsn);
  const runner = await start(pool, tellingStart());
  await new Promise((listening) => runner.events.once("pool:listen:success", listening));
  ready();
  while ((await told()) !== null);
  await runner.stop();
  await pool.end();
}

const send = (settings) =>
  withUtils(settings, (utils) => sendWhenTold((place) => utils.addJob("noop", payloadOf(place))));

await main({ load, drain, single, bulk, pickup, send });
