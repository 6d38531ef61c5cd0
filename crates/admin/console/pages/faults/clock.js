// The emulator's clock: UserSigs, limits and webhooks follow it.

import * as api from '../../api.js';
import { clockChange, emulator, loadEmulator, needs } from '../../state.js';
import { t } from '../../i18n/language.js';
import { h, onCleanup, signal } from '../../ui/dom.js';
import { attempt } from '../../ui/load.js';
import { time } from '../../ui/time.js';

const STEPS = ['1h', '1d', '90d', '181d'];
const TICK_MS = 1000;

export function clockCard() {
  const tick = signal(Date.now());
  const timer = setInterval(() => (tick.value = Date.now()), TICK_MS);
  onCleanup(() => clearInterval(timer));
  const clock = () => emulator.value?.clock;
  const now = (/** @type {ClockView} */ { now_ms, frozen }, /** @type {number} */ at) =>
    (frozen ? now_ms : now_ms + Math.max(tick.value - at, 0));
  const run = (/** @type {() => Promise<any>} */ request) => attempt(async () => {
    await request();
    await loadEmulator();
  });
  const change = (/** @type {ClockChange} */ wanted) => run(() => api.changeClock(wanted));
  const wanted = h('input', { type: 'datetime-local', step: '1', 'aria-label': t('faults.set_to') });
  const set = (/** @type {Event} */ event) => {
    event.preventDefault();
    const at = new Date(wanted.value).getTime();
    if (Number.isNaN(at)) wanted.focus();
    else void change({ now: at });
  };
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('faults.clock')), h('span', { class: 'grow' }),
      () => emulator.value && h('b', { class: 'clock' }, time(now(emulator.value.clock, emulator.value.at)))),
    h('div', { class: 'body stack' },
      h('p', { class: 'soft small' }, t('faults.clock_about')),
      () => emulator.value && h('p', {}, h('span', { class: { badge: true, warn: clockChange.value !== null } }, difference(emulator.value.clock))),
      h('div', { class: 'row' },
        STEPS.map((step) => h('button', needs('operator', { onclick: () => change({ advance: step }) }), `+${step}`)),
        h('button', needs('operator', { onclick: () => change({ frozen: !clock()?.frozen }) }),
          () => t(clock()?.frozen ? 'faults.go_on' : 'faults.freeze')),
        h('button', needs('operator', { disabled: () => clockChange.value === null, onclick: () => run(api.releaseClock) }), t('faults.machine_time'))),
      h('form', { class: 'row', onsubmit: set }, wanted, h('button', needs('operator', {}), t('faults.set')))));
}

/** How far a clock is from the machine's, in words. @param {ClockView} clock */
function difference(clock) {
  const minutes = Math.round(Math.abs(clock.ahead_ms) / 60_000);
  const parts = [[Math.floor(minutes / 1440), 'd'], [Math.floor(minutes / 60) % 24, 'h'], [minutes % 60, 'min']];
  const span = parts.filter(([count]) => count !== 0).map(([count, unit]) => `${count} ${unit}`).join(' ') || '< 1 min';
  const words = clock.ahead_ms === 0 ? t('faults.same') : t(clock.ahead_ms > 0 ? 'faults.ahead' : 'faults.behind', { span });
  return clock.frozen ? `${words} · ${t('faults.frozen')}` : words;
}
