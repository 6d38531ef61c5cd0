// The audit log: what was done in words, and searched by who and by user.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOKS, check, go, openAs, serve } from './support.js';

const APP = 1400000000;

test('the log is told in words, and searched by who and by user', async () => {
  const server = await serve();
  const path = `/admin/v1/apps/${APP}`;
  const { token } = await server.api('POST', '/admin/v1/tokens', { name: 'ci', role: 'operator' });
  const asCi = (method, below, body) => fetch(server.url + path + below, { method, headers: { Authorization: `Bearer ${token}` }, body });
  await asCi('PUT', '/accounts/alice');
  await asCi('PATCH', '/accounts/alice/profile', '{"Tag_Profile_IM_Nick":"Alice"}');
  await asCi('POST', '/keys', '{}');
  await server.api('PUT', `${path}/accounts/alice2`);
  for (const look of LOOKS) {
    const opened = await openAs(server, `#/${APP}/audit`, look);
    const { page } = opened;
    const rows = page.locator('.audit-list tbody tr');
    const words = { en: ['created the user', 'added a key', 'created a token', 'refused: 403'], zh: ['创建用户', '新增密钥', '创建令牌', 'refused: 403'] }[look.language];
    for (const one of words) await rows.filter({ hasText: one }).first().waitFor();
    await check(opened);
    const search = async (who, user, count) => {
      await page.locator('input[name=who]').fill(who);
      await page.locator('input[name=user]').fill(user);
      await page.locator('input[name=user]').press('Enter');
      await page.waitForFunction((count) => document.querySelectorAll('.audit-list tbody tr').length === count, count);
    };
    await search('ci', '', 3);
    assert.match(await rows.first().textContent(), { en: /cioperator · 127\.0\.0\.1/, zh: /ci操作员 · 127\.0\.0\.1/ }[look.language]);
    await search('', 'alice', 2);
    await search('local', 'alice', 0);
    await page.locator('.audit-list .empty').waitFor();
    await check(opened);
    assert.deepEqual(await page.locator('#audit-names option').evaluateAll((all) => all.map((one) => one.value)), ['local', 'ci']);
    // The same words, for one user, also where the browser computes no hash.
    await go(opened, `#/${APP}/users/alice`);
    await page.getByRole('tab', { name: { en: 'History', zh: '变更记录' }[look.language] }).click();
    await page.locator('[role=tabpanel] tbody tr', { hasText: { en: 'set fields Tag_Profile_IM_Nick', zh: '设置字段 Tag_Profile_IM_Nick' }[look.language] }).waitFor();
    assert.equal(await page.locator('[role=tabpanel] tbody tr').count(), 2);
    await check(opened);
    await opened.context.close();
  }
});
