// The emulator's live stream: calls, webhook calls, and notices that faults or the clock changed. One stream for the whole
// page, open while the tab is visible.

import * as api from './api.js';
import { signal } from './ui/dom.js';
import { emulator, loadEmulator } from './state.js';
import { parse } from './ui/json.js';
import { sentence } from './ui/load.js';

/** As many as the emulator itself keeps. */
const KEPT_MAX = 1000;
const PAUSES_MS = [500, 1000, 2000, 5000, 10_000];

/** The calls that were seen, newest first. */
export const calls = signal(/** @type {RecordedCall[]} */ ([]));
/** The webhook calls that were seen, newest first. */
export const webhooks = signal(/** @type {RecordedWebhook[]} */ ([]));
/** How many calls came while the stream was closed, and were no longer kept when it was opened again. */
export const missed = signal(0);
/** Whether the stream is open. */
export const connected = signal(false);
/** Why it is not, as the server said it; empty when it is open, or was never asked for. */
export const problem = signal('');
/** Calls change the counts of fault rules, which the server gives no notice of: it is asked at most this often. */
const COUNTS_MS = 1000;

/** @type {AbortController | null} */
let open = null;
let [lastCall, lastWebhook] = [0, 0];
/** The id of the emulator's start, as the stream tells it: after another start, calls are counted from one again. */
let start = '';

/** Opens the stream, and keeps it open while the tab is visible. */
export function startStream() {
  document.addEventListener('visibilitychange', follow);
  follow();
}

/** Reads everything once more: the explanations of calls are in the language that the page had when it asked. */
export function restartStream() {
  forget();
  open?.abort();
}

function follow() {
  if (document.hidden) open?.abort();
  else if (!open) void run();
}

async function run() {
  const abort = (open = new AbortController());
  for (let tries = 0; !abort.signal.aborted; tries += 1) {
    try {
      const response = await api.live({ start, after: lastCall, after_webhook: lastWebhook }, abort.signal);
      connected.value = true;
      problem.value = '';
      tries = 0;
      void loadEmulator().catch(() => {});
      await read(/** @type {ReadableStream} */ (response.body));
    } catch (error) {
      // The server stopped, the connection was lost, or too many streams are open: asked again after a pause.
      problem.value = sentence(error);
      if (tries === 0 && !abort.signal.aborted) void loadEmulator().catch(() => {});
    }
    connected.value = false;
    if (abort.signal.aborted) break;
    await new Promise((resolve) => setTimeout(resolve, PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)]));
  }
  open = null;
  if (!document.hidden) follow();
}

/** @param {ReadableStream} body */
async function read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (text + value).split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) take(part);
    }
  } finally {
    // Else the connection stays open; a browser has six for each server.
    void reader.cancel().catch(() => {});
  }
}

/** Takes one event of the stream. @param {string} event */
function take(event) {
  const field = (/** @type {string} */ name) => event.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const data = field('data');
  if (data === undefined) return;
  const value = parse(data, true);
  switch (field('event')) {
    case 'calls':
      lastCall = value.at(-1).number;
      calls.value = [...value.reverse(), ...calls.peek()].slice(0, KEPT_MAX);
      if (emulator.peek()?.faults.length) countSoon();
      break;
    case 'webhooks':
      lastWebhook = value.at(-1).number;
      webhooks.value = [...value.reverse(), ...webhooks.peek()].slice(0, KEPT_MAX);
      break;
    case 'missed':
      // What came before this tab's first look at the emulator is not missed.
      if (lastCall > 0) missed.value += value;
      break;
    case 'start':
      start = value;
      break;
    case 'restarted':
      forget();
      break;
    case 'changed':
      void loadEmulator().catch(() => {});
      break;
  }
}

/** Another emulator counts its calls from one again: what is shown is of the past. */
function forget() {
  [lastCall, lastWebhook, missed.value] = [0, 0, 0];
  [calls.value, webhooks.value] = [[], []];
}

let counting = false;

function countSoon() {
  if (counting) return;
  counting = true;
  setTimeout(() => {
    counting = false;
    void loadEmulator().catch(() => {});
  }, COUNTS_MS);
}
