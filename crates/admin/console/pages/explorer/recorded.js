// A call of the live list in the explorer: what became of it, as after a call that was sent from here.

import { effect } from '../../ui/dom.js';
import { bodyText } from '../../ui/stream_list.js';
import { calls } from '../../stream.js';
import { isLost } from '../faults/words.js';
import { answerTab } from './state.js';

/** @typedef {import('./state.js').Sent} Sent */

/**
 * Shows what became of a recorded call. In a new tab the live stream brings it a little later.
 * @param {import('./state.js').Draft} draft @param {string} id of its request
 */
export function showRecorded(draft, id) {
  let waiting = true;
  effect(() => {
    const call = calls.value.find(({ request_id }) => request_id === id);
    if (!call || !waiting) return;
    waiting = false;
    // A call that was sent meanwhile is newer.
    if (draft.sent.peek() !== null) return;
    answerTab.value = 'answer';
    draft.sent.value = sentOf(call);
  });
}

/** @param {any} call @returns {Sent} */
function sentOf(call) {
  const { at_ms, app, command, identifier, body, answer, code, detail, micros } = call;
  const lost = isLost(call);
  const text = (/** @type {any} */ one) => (one === null ? '' : bodyText(one));
  return {
    number: 0, at: new Date(at_ms), app, command, identifier: identifier ?? '', usersig: 'recorded', given: '', text: text(body),
    tried: {
      outcome: lost ? 'closed' : 'answered', status: null, headers: [], request: '', body: lost ? '' : text(answer), detail, micros,
    },
    code: lost ? null : code, call, isRecorded: true,
  };
}
