// The types in the comments of the console's modules, against those that the admin API's OpenAPI document gives, and against
// answers of the control API.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import { setNick } from './public.js';
import { dev, run } from './support.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const made = (name, text) => writeFileSync(new URL(`types/made/${name}`, import.meta.url), text);

/** Answers of the control API as a program, which has the types that it states. */
async function answers() {
  const server = await dev();
  const created = await server.api('POST', '/_portraitd/apps', { webhook: true });
  await server.api('POST', '/_portraitd/faults', { command: 'portrait_set', next: 1, code: 40003 });
  await server.api('POST', '/_portraitd/faults', { close: 'after', user: 'bob' });
  for (const nick of ['refused', 'set']) await setNick(created, nick);
  await server.api('PUT', '/_portraitd/snapshots/one', {});
  const parts = [`const created: ThrowAwayApp = ${JSON.stringify(created)};`];
  for (const [path, type] of [
    ['requests', 'RecordedCall[]'], ['webhooks?count=1&wait_ms=10000', 'RecordedWebhook[]'], ['faults', 'ActiveFault[]'],
    ['clock', 'ClockView'], ['snapshots', 'Snapshot[]'], ['environment', 'Environment'],
  ]) {
    const answer = await server.api('GET', `/_portraitd/${path}`);
    if (Array.isArray(answer)) assert.ok(answer.length > 0, path);
    parts.push(`const ${path.split('?')[0]}: ${type} = ${JSON.stringify(answer, null, 2)};`);
  }
  return parts.join('\n');
}

test('every module agrees with the types of its comments, of the admin API and of the control API', async () => {
  made('admin.d.ts', astToString(await openapiTS(await run(['openapi', 'admin']), { defaultNonNullable: false })));
  made('answers.ts', `${await answers()}\nexport {};\n`);
  const { stdout, status } = spawnSync('node_modules/.bin/tsc', ['--project', HERE, '--pretty', 'false'], { cwd: HERE, encoding: 'utf8' });
  assert.equal(stdout, '');
  assert.equal(status, 0);
});
