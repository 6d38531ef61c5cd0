// The types in the comments of the console's modules, against those that the admin API's OpenAPI document gives.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import { run } from './support.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));

test('every module agrees with the types of its comments and of the admin API', async () => {
  const types = await openapiTS(await run(['openapi', 'admin']), { defaultNonNullable: false });
  writeFileSync(new URL('types/admin.d.ts', import.meta.url), astToString(types));
  const { stdout, status } = spawnSync('node_modules/.bin/tsc', ['--project', HERE, '--pretty', 'false'], { cwd: HERE, encoding: 'utf8' });
  assert.equal(stdout, '');
  assert.equal(status, 0);
});
