// Users' profiles in Tencent Cloud IM: what a back end needs of the REST API. Nothing here knows of portraitd.
class ImError extends Error {
  constructor(answer) {
    super(`${answer.ErrorCode} ${answer.ErrorDisplay || answer.ErrorInfo}`);
    this.code = answer.ErrorCode;
  }
}

class Profiles {
  constructor({ sdkappid, admin, usersig, url = "https://console.tim.qq.com" }) {
    this.url = url;
    this.query = { sdkappid, identifier: admin, usersig, contenttype: "json" };
  }

  async call(path, body) {
    const random = Math.floor(Math.random() * 2 ** 32);
    const query = new URLSearchParams({ ...this.query, random });
    const response = await fetch(`${this.url}/v4/${path}?${query}`, { method: "POST", body: JSON.stringify(body) });
    const answer = await response.json();
    if (answer.ErrorCode !== 0) throw new ImError(answer);
    return answer;
  }

  add(user) {
    return this.call("im_open_login_svc/account_import", { UserID: user });
  }

  set(user, fields) {
    const item = ([name, value]) => ({ Tag: `Tag_Profile_IM_${name}`, Value: value });
    const body = { From_Account: user, ProfileItem: Object.entries(fields).map(item) };
    return this.call("profile/portrait_set", body);
  }

  async get(user, ...names) {
    const body = { To_Account: [user], TagList: names.map((name) => `Tag_Profile_IM_${name}`) };
    const answer = await this.call("profile/portrait_get", body);
    return Object.fromEntries(answer.UserProfileItem[0].ProfileItem.map((item) => [item.Tag.slice(15), item.Value]));
  }
}

module.exports = { ImError, Profiles };
