// The emulator's live stream: calls, webhook calls, and notices that faults or the clock changed. One stream for the whole
// page, open while the tab is visible.

import * as api from './api.js';
import { signal } from './ui/dom.js';
import { loadEmulator } from './state.js';

/** As many as the emulator itself keeps. */
const KEPT_MAX = 1000;
const PAUSES_MS = [500, 1000, 2000, 5000, 10_000];

/** The calls that were seen, newest first. @type {{ value: any[], peek: () => any[] }} */
export const calls = signal([]);
/** The webhook calls that were seen, newest first. @type {{ value: any[], peek: () => any[] }} */
export const webhooks = signal([]);
/** How many calls the emulator no longer had when they were asked for. */
export const missed = signal(0);
/** Whether the stream is open. */
export const connected = signal(false);

/** @type {AbortController | null} */
let open = null;
let [lastCall, lastWebhook] = [0, 0];

/** Opens the stream, and keeps it open while the tab is visible. */
export function startStream() {
  document.addEventListener('visibilitychange', follow);
  follow();
}

function follow() {
  if (document.hidden) open?.abort();
  else if (!open) void run();
}

async function run() {
  const abort = (open = new AbortController());
  for (let tries = 0; !abort.signal.aborted; tries += 1) {
    try {
      const response = await api.live({ after: lastCall, after_webhook: lastWebhook }, abort.signal);
      connected.value = true;
      tries = 0;
      void loadEmulator().catch(() => {});
      await read(/** @type {ReadableStream} */ (response.body));
    } catch {
      // The server stopped, or the connection was lost: asked again after a pause.
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
  const value = JSON.parse(data);
  switch (field('event')) {
    case 'calls':
      lastCall = value.at(-1).number;
      calls.value = [...value.reverse(), ...calls.peek()].slice(0, KEPT_MAX);
      break;
    case 'webhooks':
      lastWebhook = value.at(-1).number;
      webhooks.value = [...value.reverse(), ...webhooks.peek()].slice(0, KEPT_MAX);
      break;
    case 'missed':
      missed.value += value;
      break;
    case 'restarted':
      // Another emulator, or one whose records were cleared: what is shown is of the past.
      [lastCall, lastWebhook, missed.value] = [0, 0, 0];
      [calls.value, webhooks.value] = [[], []];
      break;
    case 'changed':
      void loadEmulator().catch(() => {});
      break;
  }
}
