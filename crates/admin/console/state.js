// What several pages share: the apps, the app that is looked at, the reference, and what the emulator's top bar shows.

import * as api from './api.js';
import { signal } from './ui/dom.js';
import { t } from './i18n/language.js';

/** Every app, by number. */
export const apps = signal(/** @type {Schema<'AppView'>[]} */ ([]));
/** The number of the app that is looked at. */
export const appNumber = signal(0);
/** Commands, standard fields and codes in the page's language. */
export const reference = signal(/** @type {Schema<'Reference'> | null} */ (null));
/** The emulator's fault rules that can still fire. */
export const activeFaults = signal(0);
/** The emulator's fault rules and clock, and when they were read. */
export const emulator = signal(/** @type {{ faults: ActiveFault[], clock: ClockView, at: number } | null} */ (null));
/** The emulator's clock, when it is not the machine's. */
export const clockChange = signal(/** @type {ClockView | null} */ (null));

export const isDev = () => api.session.value?.mode === 'dev';

/** The roles of tokens; each may do what the ones before it may. */
export const ROLES = /** @type {const} */ (['viewer', 'operator', 'admin']);
/** @typedef {typeof ROLES[number]} Role */

/** Whether the caller's token may do what a role may. @param {Role} role */
export const may = (role) => ROLES.indexOf(/** @type {Role} */ (api.session.value?.role)) >= ROLES.indexOf(role);

/** Why the caller's token may not do what a role may. @param {Role} role */
export const mayNot = (role) =>
  t(api.session.value?.role === 'viewer' ? 'role.reads' : 'role.less', { role: t(`role.${role}`) });

/**
 * The attributes of a control that only a role may use: for others it is disabled, and says why.
 * @param {Role} role @param {Record<string, any>} attributes
 */
export function needs(role, attributes) {
  return may(role) ? attributes : { ...attributes, disabled: true, title: mayNot(role) };
}

/** The app that is looked at. */
export const currentApp = () => apps.value.find((app) => app.sdkappid === appNumber.value);

export async function loadApps() {
  apps.value = await api.apps();
  if (!apps.peek().some((app) => app.sdkappid === appNumber.peek())) appNumber.value = apps.peek()[0]?.sdkappid ?? 0;
}

/** Puts an app's new settings in the place of the old ones. @param {Schema<'AppView'>} changed */
export function appChanged(changed) {
  apps.value = apps.peek().map((app) => (app.sdkappid === changed.sdkappid ? changed : app));
}

export async function loadReference() {
  reference.value = await api.reference();
}

/** Reads what the top bar shows of an emulator. */
export async function loadEmulator() {
  if (api.session.peek()?.mode !== 'dev') return;
  const [faults, clock] = await Promise.all([api.faults(), api.clock()]);
  emulator.value = { faults, clock, at: Date.now() };
  activeFaults.value = faults.filter((rule) => rule.left !== 0).length;
  clockChange.value = clock.ahead_ms === 0 && !clock.frozen ? null : clock;
}

/**
 * Every field that an app has: the standard ones, then its own that are in use.
 * @param {Schema<'AppView'> | undefined} app
 * @returns {{ tag: string, type: string, title: string, bytes_max: number | null, values: string[], custom: boolean, user_may_write?: boolean }[]}
 */
export function fieldsOf(app) {
  const custom = (app?.fields ?? []).filter((field) => !field.retired);
  return [
    ...(reference.value?.fields ?? []).map((field) => ({
      ...field,
      // The one limit that is an app's.
      bytes_max: (field.tag === 'Tag_Profile_IM_Location' && app?.location_bytes_max) || field.bytes_max,
      custom: false,
    })),
    ...custom.map((field) => ({
      tag: `Tag_Profile_Custom_${field.keyword}`,
      type: field.type,
      title: field.keyword,
      bytes_max: field.type === 'uint64' ? null : 500,
      values: [],
      custom: true,
    })),
  ];
}
