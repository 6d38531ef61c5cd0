// The commands that lead a program to this emulator.

import * as api from '../../api.js';
import { t } from '../../i18n/language.js';
import { textBlock } from '../../ui/code.js';
import { h } from '../../ui/dom.js';
import { loaded } from '../../ui/load.js';

/** What the command line takes for the emulator's address when none is given. */
const USUAL_URL = 'http://127.0.0.1:8080';

/** @param {string} url */
const forUrl = (url) => (url === USUAL_URL ? '' : ` --url ${url}`);
/** Sets the environment of a shell. @param {string} url */
export const envCommand = (url) => `eval "$(portraitd env${forUrl(url)})"`;
export const RUN_COMMAND = 'portraitd run -- YOUR COMMAND';

/** Leads a shell to this emulator, for a list in which nothing is yet. (`portraitd run` starts an emulator of its own.) */
export function firstCommand() {
  return loaded(api.environment, ({ url }) => h('div', { class: 'stack' },
    h('p', {}, t('connect.env')), textBlock(envCommand(url))));
}
