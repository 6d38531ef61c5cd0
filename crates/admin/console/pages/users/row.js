// One field of the form: its name, the input that its type asks for, and what is wrong with the value.

import { h } from '../../ui/dom.js';
import { t } from '../../i18n/language.js';

const utf8 = new TextEncoder();

/** @param {import('./profile.js').Entry} entry */
export function fieldRow(entry) {
  const { field, initial, text, error } = entry;
  const id = `value-${field.tag}`;
  const name = field.tag.replace(/^Tag_Profile_(IM_)?/, '').replace('_', ' · ');
  const shared = {
    id,
    'aria-describedby': `note-${field.tag}`,
    'aria-invalid': () => (error.value === '' ? null : 'true'),
  };
  const typed = {
    ...shared,
    value: () => text.value,
    oninput: (/** @type {any} */ event) => {
      text.value = event.target.value;
      error.value = '';
    },
    autocomplete: 'off',
    spellcheck: 'false',
  };
  const undo = () => {
    text.value = initial;
    error.value = '';
    // The button goes, and the focus would go with it.
    document.getElementById(id)?.focus();
  };
  return h('div', { class: 'users-field' },
    h('label', { for: id },
      h('span', { class: 'mono', title: field.tag }, name),
      !field.custom && h('span', { class: 'soft small' }, field.title)),
    h('div', { class: () => (entry.isChanged() ? 'changed' : null) },
      control(),
      h('div', { class: 'row small', id: `note-${field.tag}` },
        h('span', { class: 'soft' }, field.type),
        field.bytes_max !== null && counter(text, field.bytes_max),
        () => entry.isChanged() && [
          h('b', {}, t('users.changed')),
          h('button', { type: 'button', class: 'plain', 'aria-label': t('users.undo', { name }), onclick: undo }, '↺'),
        ],
        () => error.value !== '' && h('span', { class: 'invalid', role: 'alert' }, error.value))));

  function control() {
    if (field.values.length > 0) {
      // A value can be replaced but not taken away, so "not set" is offered only where that is so.
      const values = ['', ...field.values].filter((value) => value !== '' || initial === '');
      return h('select', { ...shared, onchange: typed.oninput }, () =>
        values.map((value) => h('option', { value, selected: value === text.value }, value === '' ? t('users.unset') : value)));
    }
    if (field.type.startsWith('uint')) return h('input', { ...typed, inputmode: 'numeric' });
    // An input would lose line breaks.
    const lines = field.custom || field.tag === 'Tag_Profile_IM_SelfSignature' || /[\r\n]/.test(initial);
    return lines ? h('textarea', { ...typed, rows: '1' }) : h('input', typed);
  }
}

/** The bytes of a text beside the most that fit. @param {{ value: string }} text @param {number} max */
function counter(text, max) {
  return () => {
    const bytes = utf8.encode(text.value).length;
    return h('span', { class: bytes > max ? 'invalid' : 'soft' }, `${bytes} / ${max} B`);
  };
}
