import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** java Stacks.java java.net.http URL: posts $BODY and prints the answer, as programs do that know nothing of portraitd. */
public class Stacks {
    public static void main(String[] arguments) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(arguments[1]))
                .POST(HttpRequest.BodyPublishers.ofString(System.getenv("BODY"))).build();
        System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}
