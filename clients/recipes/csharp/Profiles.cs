using System;
using System.Net.Http;
using System.Text;
using System.Threading.Tasks;

/// <summary>Users' profiles in Tencent Cloud IM: what a back end needs of the REST API. Nothing here knows of portraitd.</summary>
public sealed class Profiles
{
    public const string Cloud = "https://console.tim.qq.com";

    private static readonly HttpClient Client = new HttpClient { Timeout = TimeSpan.FromSeconds(15) };
    private static readonly Random Random = new Random();
    private readonly string url;
    private readonly string query;

    public Profiles(string url, string sdkappid, string admin, string usersig)
    {
        this.url = url;
        query = "sdkappid=" + sdkappid + "&identifier=" + Uri.EscapeDataString(admin) + "&usersig="
            + Uri.EscapeDataString(usersig) + "&contenttype=json&random=";
    }

    public Task<string> Add(string user)
    {
        return Call("im_open_login_svc/account_import", "{\"UserID\":\"" + user + "\"}");
    }

    public Task<string> Set(string user, string tag, string value)
    {
        return Call("profile/portrait_set", "{\"From_Account\":\"" + user + "\",\"ProfileItem\":[{\"Tag\":\"" + tag
            + "\",\"Value\":\"" + value + "\"}]}");
    }

    public Task<string> Get(string user, string tag)
    {
        return Call("profile/portrait_get", "{\"To_Account\":[\"" + user + "\"],\"TagList\":[\"" + tag + "\"]}");
    }

    /// <summary>Sends a call and returns the answer's JSON; a back end would use the JSON library that it has.</summary>
    private async Task<string> Call(string path, string body)
    {
        var content = new StringContent(body, Encoding.UTF8, "application/json");
        var answer = await Client.PostAsync(url + "/v4/" + path + "?" + query + Random.Next(), content);
        return await answer.Content.ReadAsStringAsync();
    }
}
