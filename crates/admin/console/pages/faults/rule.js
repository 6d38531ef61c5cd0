// A fault rule from what the form says, and rules as TOML for `portraitd dev --faults`.

import { stringify } from '../../ui/json.js';

/** The largest whole number of TOML. */
const TOML_MAX = 2n ** 63n - 1n;

/** The effects that need nothing but their name. @type {Record<string, any>} */
const EFFECTS = {
  after: { close: 'after' },
  before: { close: 'before' },
  'cut-json': { malformed: 'cut-json' },
  'cut-body': { malformed: 'cut-body' },
  html: { malformed: 'html' },
  empty: { malformed: 'empty' },
};

/**
 * The rule as the control API takes it, its members in the order of the documentation. What is no number goes as it was
 * typed: the API says what is wrong with it.
 * @param {{
 *   command: string, app: number | null, user: string, often: string, next: string, percent: string, seed: string,
 *   effect: string, code: string, drip: string, delay: string,
 * }} form
 */
export function ruleOf(form) {
  /** @type {Record<string, any>} */
  const rule = {};
  if (form.command.trim()) rule.command = form.command.trim();
  if (form.app !== null) rule.app = form.app;
  if (form.user) rule.user = form.user;
  if (form.often === 'next') rule.next = number(form.next);
  if (form.often === 'percent') {
    const percent = number(form.percent);
    rule.probability = typeof percent === 'number' ? Number((percent / 100).toPrecision(12)) : percent;
    if (form.seed !== '') rule.seed = number(form.seed);
  }
  if (form.effect === 'code') rule.code = number(form.code);
  else if (form.effect === 'drip') rule.drip_ms = number(form.drip);
  else Object.assign(rule, EFFECTS[form.effect]);
  if (form.delay !== '') rule.delay_ms = number(form.delay);
  return rule;
}

/** @param {string} text */
function number(text) {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** @param {FaultRule[]} rules */
export function toml(rules) {
  return rules.map((rule) => ['[[fault]]', ...Object.entries(rule).map(tomlMember), ''].join('\n')).join('\n');
}

/** @param {[string, any]} member */
function tomlMember([name, value]) {
  // Seeds that the emulator drew can be larger than any number of TOML.
  if (typeof value === 'bigint' && value > TOML_MAX) return `# ${name} = ${value}  is too large for TOML; another is drawn`;
  return `${name} = ${stringify(value).replaceAll('\u007f', String.raw`\u007f`)}`;
}
