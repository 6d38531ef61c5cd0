using System;
using System.Linq;
using System.Threading.Tasks;

public static class ProfilesTest
{
    private static async Task Check(Profiles profiles)
    {
        Expect(await profiles.Add("sharp"), "\"ErrorCode\":0");
        Expect(await profiles.Set("sharp", "Tag_Profile_IM_Nick", "昵称"), "\"ErrorCode\":0");
        Expect(await profiles.Get("sharp", "Tag_Profile_IM_Nick"), "\"Value\":\"昵称\"");
        Expect(await profiles.Set("sharp", "nickName", "x"), "\"ErrorCode\":40009");
    }

    private static void Expect(string answer, string part)
    {
        if (!answer.Contains(part))
        {
            throw new Exception(answer + " does not hold " + part);
        }
    }

    private static Profiles At(string url)
    {
        var who = new[] { "PORTRAITD_SDKAPPID", "PORTRAITD_ADMIN", "PORTRAITD_USERSIG" };
        var values = who.Select(Environment.GetEnvironmentVariable).ToArray();
        return new Profiles(url, values[0], values[1], values[2]);
    }

    public static int Main(string[] arguments)
    {
        // `cloud`: the cloud's own name, which `portraitd run` leads to the emulator.
        var url = arguments.Contains("cloud") ? Profiles.Cloud : Environment.GetEnvironmentVariable("PORTRAITD_URL");
        Check(At(url)).GetAwaiter().GetResult();
        Console.WriteLine("1 passed");
        return 0;
    }
}
