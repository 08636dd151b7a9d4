/** Where the servers keep their state: what a durable write costs depends on it more than on anything else. */

import { mkdir, mkdtemp, rm, statfs } from "node:fs/promises";
import { join } from "node:path";

/** On the first that there is the targets are judged: on a disk, the commit hides the rest. */
export const STORAGES = ["tmpfs", "disk"] as const;

export type StorageName = (typeof STORAGES)[number];

export interface Storage {
  readonly name: StorageName;
  /** Of this run alone. */
  readonly directory: string;
}

const TMPFS = "/dev/shm";

/** As `statfs` has it. */
const TMPFS_TYPE = 0x01021994;

/** The disk that the repository is on: a system's directory for temporary files is often no disk. */
const DISK = join(import.meta.dirname, "../../dist/bench");

/** @returns null where this machine has none */
export async function makeStorage(name: StorageName): Promise<Storage | null> {
  if (name === "tmpfs" && !(await hasTmpfs())) return null;
  const parent = name === "tmpfs" ? TMPFS : DISK;
  await mkdir(parent, { recursive: true });
  return { name, directory: await mkdtemp(join(parent, "countersign-bench-")) };
}

export const removeStorage = ({ directory }: Storage): Promise<void> =>
  rm(directory, { recursive: true, force: true, maxRetries: 3 });

async function hasTmpfs(): Promise<boolean> {
  try {
    return (await statfs(TMPFS)).type === TMPFS_TYPE;
  } catch {
    return false;
  }
}
