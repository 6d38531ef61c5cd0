// Tabs, with the keys that screen readers' users expect.

import { h } from './dom.js';

/**
 * @param {string} label of the whole
 * @param {{ value: string }} chosen the id of the open tab
 * @param {{ id: string, title: () => string, content: () => import('./dom.js').Child }[]} tabs
 * @returns {{ list: Node, panel: Node }}
 */
export function tabs(label, chosen, tabs) {
  const panel = `panel-${tabs[0].id}`;
  const buttons = tabs.map(({ id, title }) =>
    h('button', {
      type: 'button', role: 'tab', id: `tab-${id}`, 'aria-controls': panel,
      'aria-selected': () => String(chosen.value === id), tabindex: () => (chosen.value === id ? '0' : '-1'),
      onclick: () => (chosen.value = id),
    }, title),
  );
  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const place = tabs.findIndex(({ id }) => id === chosen.value);
    const next = (place + step + tabs.length) % tabs.length;
    chosen.value = tabs[next].id;
    buttons[next].focus();
  };
  return {
    list: h('div', { class: 'tabs', role: 'tablist', 'aria-label': label, onkeydown: move }, buttons),
    panel: h('div', { role: 'tabpanel', id: panel, 'aria-labelledby': () => `tab-${chosen.value}` }, () =>
      tabs.find(({ id }) => id === chosen.value)?.content()),
  };
}
