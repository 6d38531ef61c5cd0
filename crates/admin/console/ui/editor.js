// An editor of JSON: a text area whose letters are clear, over the same text in colours, with line numbers.

import { effect, h } from './dom.js';
import { coloured } from './code.js';
import { problem } from './json.js';
import { t } from '../i18n/language.js';

/**
 * @param {{ value: string }} text the signal that is edited
 * @param {string} label for screen readers
 */
export function jsonEditor(text, label) {
  const lines = h('div', { class: 'lines', 'aria-hidden': 'true' });
  const shown = h('pre', { 'aria-hidden': 'true' });
  const area = h('textarea', {
    'aria-label': label,
    spellcheck: 'false',
    autocapitalize: 'off',
    autocomplete: 'off',
    oninput: () => (text.value = area.value),
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey) indent(event);
    },
  });
  const message = h('div', { class: 'invalid', role: 'status' });
  effect(() => {
    const value = text.value;
    if (area.value !== value) area.value = value;
    const wrong = problem(value);
    shown.replaceChildren(...coloured(value), '\n');
    const count = value.split('\n').length;
    lines.replaceChildren(
      ...Array.from({ length: count }, (_, index) => h('div', { class: wrong?.line === index + 1 ? 'wrong' : '' }, index + 1)),
    );
    message.textContent = wrong ? t('json.wrong', { line: wrong.line, message: wrong.message }) : '';
    area.setAttribute('aria-invalid', String(wrong !== null));
  });
  return h('div', {}, h('div', { class: 'editor' }, lines, h('div', { class: 'layers' }, shown, area)), message);

  /** A new line starts where the one before it did; one level deeper after a bracket. */
  function indent(/** @type {KeyboardEvent} */ event) {
    event.preventDefault();
    const before = area.value.slice(0, area.selectionStart);
    const line = before.slice(before.lastIndexOf('\n') + 1);
    const spaces = /^ */.exec(line)?.[0] ?? '';
    area.setRangeText(`\n${spaces}${/[{[]\s*$/.test(line) ? '  ' : ''}`, area.selectionStart, area.selectionEnd, 'end');
    text.value = area.value;
  }
}
