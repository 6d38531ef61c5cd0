// What changes in a program that takes the API's address from its settings.

/** @type {{ id: string, name: string, code: (url: string) => string }[]} */
export const SNIPPETS = [
  { id: 'php', name: 'PHP', code: (url) => `// PORTRAITD_URL is ${url} here
$base = getenv('PORTRAITD_URL') ?: 'https://console.tim.qq.com';
$url = "$base/v4/profile/portrait_get?" . http_build_query([
    'sdkappid' => $sdkappid, 'identifier' => $admin, 'usersig' => $usersig,
    'random' => random_int(0, 4294967295), 'contenttype' => 'json',
]);` },
  { id: 'java', name: 'Java', code: (url) => `// PORTRAITD_URL is ${url} here
String base = System.getenv().getOrDefault("PORTRAITD_URL", "https://console.tim.qq.com");
URI uri = URI.create(base + "/v4/profile/portrait_get?sdkappid=" + sdkappid
    + "&identifier=" + URLEncoder.encode(admin, StandardCharsets.UTF_8)
    + "&usersig=" + usersig + "&random=" + random + "&contenttype=json");` },
  { id: 'go', name: 'Go', code: (url) => `// PORTRAITD_URL is ${url} here
base := cmp.Or(os.Getenv("PORTRAITD_URL"), "https://console.tim.qq.com")
query := url.Values{"sdkappid": {sdkappid}, "identifier": {admin}, "usersig": {usersig},
	"random": {fmt.Sprint(rand.Uint32())}, "contenttype": {"json"}}
response, err := http.Post(base+"/v4/profile/portrait_get?"+query.Encode(), "application/json", body)` },
  { id: 'node', name: 'Node.js', code: (url) => `// PORTRAITD_URL is ${url} here
const base = process.env.PORTRAITD_URL ?? 'https://console.tim.qq.com';
const query = new URLSearchParams({ sdkappid, identifier: admin, usersig, random, contenttype: 'json' });
await fetch(\`\${base}/v4/profile/portrait_get?\${query}\`, { method: 'POST', body });` },
  { id: 'python', name: 'Python', code: (url) => `# PORTRAITD_URL is ${url} here
base = os.environ.get("PORTRAITD_URL", "https://console.tim.qq.com")
requests.post(f"{base}/v4/profile/portrait_get", json=body, params={
    "sdkappid": sdkappid, "identifier": admin, "usersig": usersig,
    "random": random.getrandbits(32), "contenttype": "json"})` },
  { id: 'csharp', name: 'C#', code: (url) => `// PORTRAITD_URL is ${url} here
var baseUrl = Environment.GetEnvironmentVariable("PORTRAITD_URL") ?? "https://console.tim.qq.com";
var query = $"sdkappid={sdkappid}&identifier={Uri.EscapeDataString(admin)}"
    + $"&usersig={userSig}&random={random}&contenttype=json";
await http.PostAsJsonAsync($"{baseUrl}/v4/profile/portrait_get?{query}", body);` },
];
