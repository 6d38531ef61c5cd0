// The programs that the explorer writes: each one is copied from the page and run, with signs in it that mean something to
// every language, and what they changed is read back.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { explorer, profile, recorded } from './explorer_page.js';
import { check, dev } from './support.js';

const LANGUAGES = [
  ['curl', 'sh', 'call.sh'], ['PHP', 'php', 'call.php'], ['Java', 'java', 'Call.java'],
  ['Go', 'go', 'run', 'call.go'], ['Node.js', 'node', 'call.mjs'], ['Python', 'python3', 'call.py'],
];
/** What has broken one language or another. */
const NASTY = '爱丽丝 O\'Neil "x" \\ $y `id` $(id) ${y} #{y} %PATH% !! \\u0041 \\n """ \'\'\' */ ?> \u{1f600}\u202e\t\n\r.';
/** A UserID of 32 bytes at most. */
const CALLER = 'O\'N "x" \\ $y `z` 爱&=%41+#';
const run = promisify(execFile);

const directory = mkdtempSync(join(tmpdir(), 'portraitd-programs-'));
after(() => rmSync(directory, { recursive: true }));
const server = await dev();
await server.api('PUT', `/admin/v1/apps/${server.sdkappid}/admins/${encodeURIComponent(CALLER)}`);
const opened = await explorer(server, 'portrait_set');
await opened.context.grantPermissions(['clipboard-read', 'clipboard-write']);
await opened.asJson();
await opened.page.getByLabel('Caller (identifier)').fill(CALLER);
await opened.page.getByRole('tab', { name: 'Code' }).click();

/** The program in a language, as its copy button gives it. */
async function copied(language) {
  const { page } = opened;
  const code = page.getByRole('tabpanel').last();
  await code.getByRole('button', { name: language, exact: true }).click();
  await page.evaluate(() => navigator.clipboard.writeText('-'));
  await code.getByRole('button', { name: 'Copy' }).click();
  for (;;) {
    assert.deepEqual(opened.problems, []);
    const text = await page.evaluate(() => navigator.clipboard.readText());
    if (text !== '-') return text;
  }
}

/** Saves a program under the name that the page gives, runs it, and returns the answer that it prints. */
async function answer([language, ...command], program, environment = {}) {
  const place = mkdtempSync(join(directory, 'run-'));
  const [tool, ...words] = command;
  writeFileSync(join(place, command.at(-1)), program);
  const env = { ...process.env, y: 'READ', GO111MODULE: 'off', ...environment };
  const { stdout } = await run(tool, words, { cwd: place, env }).catch((error) => assert.fail(`${language}: ${error.message}\n${error.stdout}\n${program}`));
  return JSON.parse(stdout);
}

/** Does something with each item, with two at a time. @template T @param {T[]} items @param {(item: T) => Promise<void>} run */
async function inPairs(items, run) {
  const left = [...items];
  const one = async () => {
    for (let next = left.shift(); next; next = left.shift()) await run(next);
  };
  await Promise.all([one(), one()]);
}

/**
 * Copies the program of a body in every language, then runs all of them.
 * @param {string} command @param {(language: string) => any} bodyOf @param {(language: string, answer: any) => unknown} assess
 */
async function everyLanguage(command, bodyOf, assess) {
  await opened.choose(command);
  const programs = [];
  for (const language of LANGUAGES) {
    // As a person writes it, over several lines.
    await opened.body.fill(JSON.stringify(bodyOf(language[0]), null, 2));
    programs.push([language, await copied(language[0])]);
  }
  await inPairs(programs, async ([language, program]) => {
    const answered = await answer(language, program);
    assert.equal(answered.ErrorCode, 0, `${command} in ${language[0]}: ${JSON.stringify(answered)}\n${program}`);
    await assess(language[0], answered);
  });
  const calls = await recorded(server, command);
  for (const [language] of LANGUAGES) {
    const body = JSON.stringify(bodyOf(language));
    const mine = calls.filter((call) => JSON.stringify(call.body) === body && call.identifier === CALLER && call.code === 0);
    assert.equal(mine.length, 1, `${command} in ${language}`);
  }
  assert.equal(calls.length, LANGUAGES.length, command);
}

const path = (user) => encodeURIComponent(user);
const exists = async (user) => (await fetch(`${server.url}/admin/v1/apps/${server.sdkappid}/accounts/${path(user)}`)).status === 200;
/** A UserID with signs of every kind. */
const idOf = (language, more = '') => `${language.slice(0, 3)}${more}'"\\$y\`z\`\${y} 爱`;

test('portrait_set', () => everyLanguage('portrait_set',
  (language) => ({ From_Account: 'alice', ProfileItem: [{ Tag: 'Tag_Profile_IM_Nick', Value: `${language} ${NASTY}` }] }),
  () => {}));

test('portrait_get', async () => {
  await server.api('PATCH', `/admin/v1/apps/${server.sdkappid}/accounts/bob/profile`, { Tag_Profile_IM_Nick: NASTY });
  await everyLanguage('portrait_get',
    (language) => ({ To_Account: ['bob', idOf(language)], TagList: ['Tag_Profile_IM_Nick'] }),
    (language, { UserProfileItem, Invalid_Account }) => {
      assert.equal(UserProfileItem[0].ProfileItem[0].Value, NASTY, language);
      assert.deepEqual(Invalid_Account, [idOf(language)], language);
    });
});

test('account_import', () => everyLanguage('account_import',
  (language) => ({ UserID: idOf(language), Nick: `${language} ${NASTY}` }),
  async (language) => assert.equal((await profile(server, path(idOf(language)))).Tag_Profile_IM_Nick, `${language} ${NASTY}`)));

test('multiaccount_import', () => everyLanguage('multiaccount_import',
  (language) => ({ AccountList: [{ UserID: idOf(language, 'm'), Nick: `${language} ${NASTY}` }] }),
  async (language, { FailAccounts }) => {
    assert.deepEqual(FailAccounts, []);
    assert.equal((await profile(server, path(idOf(language, 'm')))).Tag_Profile_IM_Nick, `${language} ${NASTY}`);
  }));

test('account_check', () => everyLanguage('account_check',
  (language) => ({ CheckItem: [{ UserID: idOf(language) }, { UserID: idOf(language, '?') }] }),
  (language, { ResultItem }) => assert.deepEqual(ResultItem.map(({ UserID, AccountStatus }) => [UserID, AccountStatus]),
    [[idOf(language), 'Imported'], [idOf(language, '?'), 'NotImported']])));

test('kick', () => everyLanguage('kick', (language) => ({ UserID: idOf(language) }), () => {}));

test('account_delete', () => everyLanguage('account_delete',
  (language) => ({ DeleteItem: [{ UserID: idOf(language, 'm') }] }),
  async (language, { ResultItem }) => {
    assert.deepEqual(ResultItem.map(({ UserID, ResultCode }) => [UserID, ResultCode]), [[idOf(language, 'm'), 0]]);
    assert.ok(!(await exists(idOf(language, 'm'))));
    assert.ok(await exists(idOf(language)));
  }));

test('a program reads its UserSig from the environment, or has none', async () => {
  const { page } = opened;
  await opened.choose('account_check');
  await opened.body.fill('{"CheckItem":[{"UserID":"alice"}]}');
  const { usersig } = await server.api('POST', `/admin/v1/apps/${server.sdkappid}/usersig`, { identifier: CALLER, expire: 600 });
  await page.getByLabel('Read the UserSig from PORTRAITD_USERSIG').check();
  const programs = [];
  for (const language of LANGUAGES) {
    const program = await copied(language[0]);
    assert.doesNotMatch(program, /eJ[\w*-]{20}/, 'no secret');
    programs.push([language, program, 0]);
  }
  await page.getByLabel('Read the UserSig from PORTRAITD_USERSIG').uncheck();
  await opened.usersig.selectOption('none');
  for (const language of LANGUAGES) programs.push([language, await copied(language[0]), 60025]);
  await inPairs(programs, async ([language, program, code]) =>
    assert.equal((await answer(language, program, { PORTRAITD_USERSIG: usersig })).ErrorCode, code, language[0]));
  await check(opened);
});
