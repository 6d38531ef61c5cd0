// What a change replaces, member by member.

import { h } from './dom.js';
import { stringify } from './json.js';

/** @param {any} before @param {any} after objects, or nothing */
export function diff(before, after) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = names.filter((name) => stringify(before?.[name]) !== stringify(after?.[name]));
  return h('dl', { class: 'pairs small' }, changed.map((name) => [
    h('dt', {}, h('code', {}, name)),
    h('dd', {},
      before && name in before && h('del', {}, h('code', {}, stringify(before[name]))),
      before && name in before && after && name in after && ' → ',
      after && name in after && h('ins', {}, h('code', {}, stringify(after[name])))),
  ]));
}
