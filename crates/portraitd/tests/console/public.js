// Calls of /v4 as a back end makes them, past the console.

/**
 * @param {{ url: string, sdkappid: number, admin: string, usersig: string }} server what `dev` printed
 * @param {string} command with its service, `profile/portrait_set`
 * @param {any} body sent as it is when it is a text
 */
export async function call(server, command, body, parameters = {}) {
  const query = new URLSearchParams({
    sdkappid: String(server.sdkappid), identifier: server.admin, usersig: server.usersig, random: '1', contenttype: 'json', ...parameters,
  });
  const answer = await fetch(`${server.url}/v4/${command}?${query}`, {
    method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return answer.json();
}

export const setNick = (server, nick, user = 'alice') =>
  call(server, 'profile/portrait_set', { From_Account: user, ProfileItem: [{ Tag: 'Tag_Profile_IM_Nick', Value: nick }] });

export async function nickOf(server, user = 'alice') {
  const answer = await call(server, 'profile/portrait_get', { To_Account: [user], TagList: ['Tag_Profile_IM_Nick'] });
  return answer.UserProfileItem?.[0].ProfileItem?.[0]?.Value;
}
