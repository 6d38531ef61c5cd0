// The events that wait or are parked: read, replayed, dropped; some of them or all.

import * as api from '../../api.js';
import { needs } from '../../state.js';
import { effect, h, signal, untracked } from '../../ui/dom.js';
import { confirm } from '../../ui/dialog.js';
import { jsonBlock } from '../../ui/code.js';
import { stringify } from '../../ui/json.js';
import { attempt, failure } from '../../ui/load.js';
import { count } from '../../ui/numbers.js';
import { table } from '../../ui/table.js';
import { tabs } from '../../ui/tabs.js';
import { time } from '../../ui/time.js';
import { toast } from '../../ui/toast.js';
import { t } from '../../i18n/language.js';

const PAGE = 100;
/** The most that one call of replay or drop may name. */
const CHOSEN_MAX = 1000;

/** @param {number} app @param {Schema<'WebhookView'>} hook @param {() => Promise<void>} reload the whole page */
export function events(app, hook, reload) {
  const kind = signal(hook.parked.events > 0 || hook.waiting.events === 0 ? 'parked' : 'waiting');
  const tab = (/** @type {'parked' | 'waiting'} */ id) => ({
    id,
    title: () => `${t(`webhook.tab.${id}`)} ${count(hook[id].events)}`,
    content: () => untracked(() => list(app, id, hook[id].events, reload)),
  });
  const { list: buttons, panel } = tabs(t('webhook.events'), kind, [tab('parked'), tab('waiting')]);
  return h('section', { class: 'card' }, h('header', {}, h('h2', {}, t('webhook.events')), buttons), panel);
}

/** @param {number} app @param {'parked' | 'waiting'} kind @param {number} all how many there are @param {() => Promise<void>} reload */
function list(app, kind, all, reload) {
  const state = signal(
    /** @type {{ events: Schema<'EventView'>[], next: number | null, error?: unknown, loading: boolean }} */ ({ events: [], next: null, loading: true }),
  );
  const chosen = signal(/** @type {Set<number>} */ (new Set()));
  const looked = signal(/** @type {number | null} */ (null));
  const load = async () => {
    const { events, next } = state.peek();
    try {
      const page = await api.webhookEvents(app, { state: kind, after: next ?? undefined, limit: PAGE });
      state.value = { events: [...events, ...page.events], next: page.next, loading: false };
    } catch (error) {
      state.value = { events, next, error, loading: false };
    }
  };
  effect(() => void untracked(load));

  const choose = (/** @type {number} */ place, /** @type {boolean} */ wanted) => {
    const next = new Set(chosen.peek());
    if (wanted && next.size < CHOSEN_MAX) next.add(place);
    else next.delete(place);
    chosen.value = next;
  };
  const chooseShown = (/** @type {boolean} */ wanted) => {
    chosen.value = new Set(wanted ? state.peek().events.slice(0, CHOSEN_MAX).map(({ place }) => place) : []);
  };
  /** @param {Schema<'EventChoice'>} choice @param {number} number */
  const replay = async (choice, number) => {
    if (number > 1 && !(await confirm({
      title: t('webhook.replayTitle', { n: count(number) }),
      text: t('webhook.replayText'),
      action: t('webhook.replay'),
      danger: false,
    }))) return;
    await attempt(async () => toast(t('webhook.replayed', { n: count((await api.replayEvents(app, choice)).events) })));
    await reload();
  };
  /** @param {Schema<'EventChoice'>} choice @param {number} number */
  const drop = async (choice, number) => {
    const agreed = await confirm({
      title: t('webhook.dropTitle', { n: count(number) }),
      text: t('webhook.dropText'),
      action: t('webhook.drop'),
      type: number > 1 ? String(number) : undefined,
    });
    if (!agreed) return;
    await attempt(async () => toast(t('webhook.droppedNow', { n: count((await api.dropEvents(app, { ...choice, state: kind })).events) })));
    await reload();
  };
  const some = () => ({ places: [...chosen.peek()] });
  const none = () => chosen.value.size === 0;
  /** @param {string} class_ @param {any} disabled @param {() => void} onclick @param {string} text */
  const button = (class_, disabled, onclick, text) => h('button', needs('operator', { class: class_, disabled, onclick }), text);

  return h('div', {},
    all > 0 && h('div', { class: 'body row webhook-actions' },
      h('label', { class: 'check' },
        h('input', {
          type: 'checkbox',
          checked: () => !none() && chosen.value.size === state.value.events.length,
          onchange: (/** @type {any} */ event) => chooseShown(event.target.checked),
        }),
        t('webhook.chooseShown')),
      h('span', { class: 'soft small', role: 'status' }, () => t('webhook.chosen', { n: count(chosen.value.size) })),
      h('span', { class: 'grow' }),
      kind === 'parked' && button('', none, () => replay(some(), chosen.peek().size), t('webhook.replayChosen')),
      button('danger', none, () => drop(some(), chosen.peek().size), t('webhook.dropChosen')),
      kind === 'parked' && button('primary', false, () => replay({}, all), t('webhook.replayAll', { n: count(all) })),
      button('danger', false, () => drop({}, all), t('webhook.dropAll', { n: count(all) }))),
    () => state.value.error !== undefined && failure(state.value.error, load),
    table({
      label: t(`webhook.tab.${kind}`),
      rows: () => state.value.events,
      keyOf: ({ place }) => place,
      chosen: looked,
      columns: [
        {
          title: '✓',
          cell: ({ place }) => h('input', {
            type: 'checkbox', 'aria-label': t('webhook.choose', { place }), checked: () => chosen.value.has(place),
            onclick: (/** @type {Event} */ event) => event.stopPropagation(),
            onchange: (/** @type {any} */ event) => choose(place, event.target.checked),
          }),
        },
        {
          title: t('webhook.column.user'),
          cell: ({ event }) => (event ? h('code', {}, event.user) : h('span', { class: 'badge bad' }, t('webhook.damaged'))),
        },
        { title: t('webhook.column.changed'), narrow: true, cell: ({ event }) => event && time(event.at_ms) },
        { title: t('webhook.column.attempts'), number: true, cell: ({ attempts }) => count(attempts) },
        {
          title: t('webhook.column.due'),
          narrow: true,
          cell: ({ due_ms: due }) => kind === 'waiting' && (due === 0 ? t('webhook.soon') : time(due)),
        },
        { title: t('webhook.column.failure'), cell: ({ failure }) => failure ?? '–' },
      ],
      empty: () => (state.value.loading ? t('loading') : kind === 'parked' ? t('webhook.noParked') : t('webhook.noWaiting')),
    }),
    () => state.value.next !== null && h('div', { class: 'body row' }, h('button', { onclick: load }, t('webhook.more'))),
    () => {
      const event = state.value.events.find(({ place }) => place === looked.value);
      return event && h('div', { class: 'body' }, h('h3', {}, t('webhook.event', { place: event.place })), jsonBlock(stringify(event)));
    });
}
