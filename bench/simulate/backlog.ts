/** What the one database keeps up with, and what happens beyond. Calls come in lumps of a second here: of each only the records count. */

import { MAX_CHAINS, MAX_JOURNAL_BACKLOG } from "../../src/limits.ts";
import { quantile } from "../report/spread.ts";
import { duration, number, percent, table } from "../report/table.ts";
import { Agenda } from "./agenda.ts";
import { ceilingOf } from "./balance.ts";
import { Database } from "./database.ts";
import { Journal } from "./journal.ts";
import { ADMISSION_MS, RECORDS_PER_CALL } from "./parameters.ts";
import { randomOf } from "./random.ts";

/** Ledgers that are as busy as each other. */
export interface Group {
  readonly ledgers: number;
  /** Calls of each in a second. */
  readonly rate: number;
}

export interface GroupEnd {
  /** Records that the fullest one has in the end. */
  readonly backlog: number;
  /** When the first of them had as many as it may, ms; null where none had. */
  readonly fullAt: number | null;
  /** Which part of the calls was refused for it. */
  readonly refused: number;
  readonly delays: readonly number[];
}

export function runBacklog(groups: readonly Group[], seconds: number, seed: number) {
  const agenda = new Agenda();
  const database = new Database(agenda);
  const random = randomOf(seed);
  const ends = groups.map((group) => feed(group, agenda, database, random));
  agenda.runUntil(seconds * 1000);
  const databaseBusy = Math.min(database.queue.busy / (seconds * 1000), 1);
  return { databaseBusy, groups: ends.map((end) => end()) };
}

function feed({ ledgers, rate }: Group, agenda: Agenda, database: Database, random: () => number) {
  const journals = Array.from({ length: ledgers }, () => new Journal(agenda, database));
  let [lumps, refused, fullAt] = [0, 0, null as number | null];
  for (const journal of journals) {
    const second = () => {
      lumps += 1;
      if (journal.backlog < MAX_JOURNAL_BACKLOG) journal.append(rate * RECORDS_PER_CALL);
      else {
        refused += 1;
        fullAt ??= agenda.now;
      }
      agenda.at(agenda.now + 1000, second);
    };
    agenda.at(random() * 1000, second);
  }
  return (): GroupEnd => ({
    backlog: Math.max(0, ...journals.map(({ backlog }) => backlog)),
    fullAt,
    refused: lumps === 0 ? 0 : refused / lumps,
    delays: journals.flatMap(({ delays }) => delays),
  });
}

const SECONDS = 900;
const HOT_LEDGERS = [0, 1, 8, 16, 32, 64, 200];
const SMALL: Group = { ledgers: 200, rate: 1 };
const MANY = [200, 500, 1_000, 2_000, MAX_CHAINS];

export function backlogTable(seed: number): string {
  const rate = Math.floor(ceilingOf(ADMISSION_MS.slow));
  const rows = HOT_LEDGERS.map((ledgers) => {
    const { databaseBusy, groups } = runBacklog([{ ledgers, rate }, SMALL], SECONDS, seed);
    const [hot, others] = groups as [GroupEnd, GroupEnd];
    return [
      number(ledgers),
      number(ledgers * rate),
      percent(databaseBusy),
      number(hot.backlog),
      hot.fullAt === null ? "-" : duration(hot.fullAt),
      percent(hot.refused),
      number(others.backlog),
      duration(quantile(others.delays, 0.99)),
      percent(others.refused),
    ];
  });
  const head = [
    "hot ledgers",
    "calls/s",
    "D1 busy",
    "backlog of one",
    "full after",
    "hot refused",
    "others: backlog",
    "others: in D1 after, p99",
    "others: refused",
  ];
  return [
    `One tenant with so many ledgers at their ceiling (${rate} calls a second each), beside ${SMALL.ledgers} ledgers of others with ${SMALL.rate} call a second each. ${SECONDS} s.`,
    table(head, rows),
  ].join("\n\n");
}

export function manyTable(seed: number): string {
  const seconds = 120;
  const rows = MANY.map((ledgers) => {
    const { databaseBusy, groups } = runBacklog([{ ledgers, rate: 1 }], seconds, seed);
    const [all] = groups as [GroupEnd];
    return [
      number(ledgers),
      number(ledgers * RECORDS_PER_CALL),
      percent(databaseBusy),
      duration(quantile(all.delays, 0.5)),
      duration(quantile(all.delays, 0.99)),
      number(all.backlog),
    ];
  });
  const head = ["ledgers", "records/s", "D1 busy", "in D1 after, p50", "p99", "largest backlog"];
  return [`Many ledgers with one call a second each. ${seconds} s.`, table(head, rows)].join("\n\n");
}
