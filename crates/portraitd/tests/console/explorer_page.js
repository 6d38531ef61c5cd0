// The explorer's page, as the journeys use it, and what the server says became of a call.

import { open } from './support.js';
import { textsOf } from './texts.js';

/**
 * The explorer of a command, with what the journeys do in it.
 * @param {{ url: string, sdkappid: number }} server @param {string} command @param {{ language?: string }} [look]
 */
export async function explorer(server, command, look = {}) {
  const opened = await open(`${server.url}/console/#/${server.sdkappid}/explorer/${command}`, look);
  const { page } = opened;
  const t = textsOf(look.language ?? 'en');
  const badge = page.locator('#panel-answer .badge').first();
  return {
    ...opened, t, badge,
    body: page.getByLabel(t('explorer.json_label')),
    usersig: page.getByRole('combobox', { name: t('explorer.usersig') }),
    asJson: () => page.getByRole('tab', { name: 'JSON' }).click(),
    async choose(name) {
      const chip = page.locator(`nav.commands a[href$="/explorer/${name}"]`);
      await chip.click();
      await chip.and(page.locator('[aria-current=true]')).waitFor();
    },
    example: (id) => page.getByLabel(t('explorer.example')).selectOption(id),
    send: () => page.getByRole('button', { name: t('explorer.send') }).first().click(),
    answered: (code) => badge.filter({ hasText: code === 0 ? /^OK$/ : new RegExp(`^${code}$`) }).waitFor(),
  };
}

/** What an account's profile holds. */
export const profile = async (server, user) => {
  const { profile } = await server.api('GET', `/admin/v1/apps/${server.sdkappid}/accounts/${user}`);
  return Array.isArray(profile) ? Object.fromEntries(profile.map(({ Tag, Value }) => [Tag, Value])) : profile;
};
/** The emulator's records of a command's calls. One without a UserSig is of no app. */
export const recorded = (server, command) => server.api('GET', `/_portraitd/requests?command=${command}`);
/** A body that sets a nickname. */
export const setNick = (user, nick) => JSON.stringify({ From_Account: user, ProfileItem: [{ Tag: 'Tag_Profile_IM_Nick', Value: nick }] });
