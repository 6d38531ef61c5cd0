import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** Users' profiles in Tencent Cloud IM: what a back end needs of the REST API. Nothing here knows of portraitd. */
public final class Profiles {
    public static final String CLOUD = "https://console.tim.qq.com";

    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(15)).build();
    private final String url;
    private final String query;

    public Profiles(String url, String sdkappid, String admin, String usersig) {
        this.url = url;
        this.query = "sdkappid=" + sdkappid + "&identifier=" + encode(admin) + "&usersig=" + encode(usersig)
                + "&contenttype=json&random=";
    }

    /** Sends a call and returns the answer's JSON; a back end would read it with the JSON library that it has. */
    public String call(String path, String body) throws IOException, InterruptedException {
        long random = ThreadLocalRandom.current().nextLong(1L << 32);
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/v4/" + path + "?" + query + random))
                .POST(HttpRequest.BodyPublishers.ofString(body)).timeout(Duration.ofSeconds(15)).build();
        return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }

    public String add(String user) throws IOException, InterruptedException {
        return call("im_open_login_svc/account_import", "{\"UserID\":\"" + user + "\"}");
    }

    public String set(String user, String tag, String value) throws IOException, InterruptedException {
        return call("profile/portrait_set", "{\"From_Account\":\"" + user + "\",\"ProfileItem\":[{\"Tag\":\"" + tag
                + "\",\"Value\":\"" + value + "\"}]}");
    }

    public String get(String user, String tag) throws IOException, InterruptedException {
        return call("profile/portrait_get", "{\"To_Account\":[\"" + user + "\"],\"TagList\":[\"" + tag + "\"]}");
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
