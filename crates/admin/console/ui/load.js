// What is shown while data is on its way, and when it does not come.

import { h, signal, untracked } from './dom.js';
import { toast } from './toast.js';
import { ApiError } from '../api.js';
import { t } from '../i18n/language.js';

/** The sentence of an error, for people. @param {unknown} error */
export function sentence(error) {
  if (error instanceof ApiError) return error.status === 0 ? t('unreachable') : error.message;
  return error instanceof Error ? error.message : String(error);
}

/** A note with an error, and a button that tries again. @param {unknown} error @param {() => void} [again] */
export function failure(error, again) {
  return h('div', { class: 'note bad', role: 'alert' }, h('b', {}, sentence(error)), again && h('button', { onclick: again }, t('again')));
}

/**
 * Loads data and shows it. `reload` loads it again; what is shown stays until the new data is there.
 * @template T
 * @param {() => Promise<T>} load
 * @param {(data: T, reload: () => Promise<void>) => import('./dom.js').Child} show
 */
export function loaded(load, show) {
  const state = signal(/** @type {{ data?: T, error?: unknown }} */ ({}));
  const reload = async () => {
    try {
      state.value = { data: await load() };
    } catch (error) {
      state.value = { error };
    }
  };
  void untracked(reload);
  return h('div', {}, () => {
    const { data, error } = state.value;
    if (error !== undefined) return failure(error, reload);
    if (data === undefined) return h('p', { class: 'soft', role: 'status' }, t('loading'));
    return untracked(() => show(data, reload));
  });
}

/** Runs something that a button asked for; a failure is shown as a message. Returns whether it succeeded. @param {() => Promise<unknown>} run */
export async function attempt(run) {
  try {
    await run();
    return true;
  } catch (error) {
    toast(sentence(error), 'bad');
    return false;
  }
}
