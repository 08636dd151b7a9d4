import { AsyncLocalStorage } from "node:async_hooks";
import type { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";

type Listener = (child: ChildProcess) => void;

const listeners = new AsyncLocalStorage<Listener>();

// Node announces each new child process here, in the asynchronous context that created it.
subscribe("child_process", (message) => {
  listeners.getStore()?.((message as { process: ChildProcess }).process);
});

/**
 * Runs `start` and tells `listener` of every child process that it creates, then or later (a restart, say), but
 * of no others. Miniflare does not give workerd's process away, and several runtimes may run at once.
 * The process is not running yet when the listener is called: wait for its `spawn` event.
 */
export const withChildren = <T>(listener: Listener, start: () => T): T => listeners.run(listener, start);
