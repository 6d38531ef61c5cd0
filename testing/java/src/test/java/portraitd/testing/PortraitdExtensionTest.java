package portraitd.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import portraitd.testing.Emulator.EmulatorException;

@Portraitd
class PortraitdExtensionTest {
    private static final String NICK = "Tag_Profile_IM_Nick";
    private static final String GET = "{\"To_Account\":[\"alice\"],\"TagList\":[\"" + NICK + "\"]}";

    private App before;

    @BeforeEach
    void remember(App app) {
        before = app;
    }

    private static Map<String, Object> callAs(App app, String user, String usersig, String path, String body) throws Exception {
        String query = "?sdkappid=" + app.sdkappid() + "&identifier=" + user + "&usersig="
                + URLEncoder.encode(usersig, StandardCharsets.UTF_8) + "&random=7&contenttype=json";
        HttpRequest request = HttpRequest.newBuilder(URI.create(app.url() + "/v4/" + path + query))
                .POST(HttpRequest.BodyPublishers.ofString(body)).timeout(Duration.ofSeconds(15)).build();
        return Json.object(Json.parse(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body()));
    }

    private static Map<String, Object> call(App app, String path, String body) throws Exception {
        return callAs(app, app.admin(), app.usersig(), path, body);
    }

    private static void expect(long code, Map<String, Object> answer) {
        assertEquals(code, answer.get("ErrorCode"), answer::toString);
    }

    private static Object status(App app, String user) throws Exception {
        String body = "{\"CheckItem\":[{\"UserID\":\"" + user + "\"}]}";
        return Json.objects(call(app, "im_open_login_svc/account_check", body).get("ResultItem")).get(0).get("AccountStatus");
    }

    @Test
    void aSetAndAGet(App app) throws Exception {
        assertSame(before, app);
        expect(0, call(app, "im_open_login_svc/account_import", "{\"UserID\":\"duke\"}"));
        String items = "[{\"Tag\":\"" + NICK + "\",\"Value\":\"昵称 \\\"quoted\\\"\"}]";
        expect(0, call(app, "profile/portrait_set", "{\"From_Account\":\"duke\",\"ProfileItem\":" + items + "}"));
        Map<String, Object> got = call(app, "profile/portrait_get", GET.replace("alice", "duke"));
        Object profile = Json.objects(got.get("UserProfileItem")).get(0).get("ProfileItem");
        assertEquals(List.of(Map.of("Tag", NICK, "Value", "昵称 \"quoted\"")), profile);
        assertEquals(List.of("account_import", "portrait_set", "portrait_get"),
                app.requests().stream().map(App.Call::command).toList());
        assertFalse(app.toString().contains(app.key()));
    }

    @RepeatedTest(2)
    void noTestSeesTheAccountsOfAnother(App app) throws Exception {
        assertEquals("NotImported", status(app, "only-here"));
        expect(0, call(app, "im_open_login_svc/account_import", "{\"UserID\":\"only-here\"}"));
        assertEquals("Imported", status(app, "only-here"));
    }

    @Test
    @Portraitd(empty = true)
    void anAppWithoutTheSamples(App app) throws Exception {
        assertEquals("NotImported", status(app, "alice"));
    }

    @Test
    void aWrongKeyIsRefused(App app) throws Exception {
        String forged = UserSig.sign(app.sdkappid(), "0".repeat(64), app.admin(), Instant.now(), UserSig.DEFAULT_EXPIRE);
        expect(70009, callAs(app, app.admin(), forged, "profile/portrait_get", GET));
        assertEquals(70009, app.requests().get(0).code());
        // 40004: the UserSig is right, and alice is no App admin.
        expect(40004, callAs(app, "alice", app.sign("alice"), "profile/portrait_get", GET));
    }

    @Test
    void aFaultAndTimeThatPasses(App app) throws Exception {
        app.addFault(Map.of("command", "portrait_get", "next", 1, "code", 60007));
        expect(60007, call(app, "profile/portrait_get", GET));
        expect(0, call(app, "profile/portrait_get", GET));
        app.advance(Duration.ofDays(181));
        expect(70001, call(app, "profile/portrait_get", GET));
        expect(0, callAs(app, app.admin(), app.sign(app.admin()), "profile/portrait_get", GET));
    }

    @Test
    @Portraitd(webhook = true)
    void webhooks(App app) throws Exception {
        String items = "[{\"Tag\":\"" + NICK + "\",\"Value\":\"A\"}]";
        expect(0, call(app, "profile/portrait_set", "{\"From_Account\":\"alice\",\"ProfileItem\":" + items + "}"));
        assertEquals("alice", app.webhooks(1, Duration.ofSeconds(5)).get(0).get("user"));
    }

    private static Map<String, String> environment(String name, String value) {
        Map<String, String> environment = new java.util.HashMap<>(System.getenv());
        environment.remove("PORTRAITD_URL");
        environment.put(name, value);
        return environment;
    }

    private static void fails(String part, org.junit.jupiter.api.function.Executable call) {
        String message = assertThrows(EmulatorException.class, call).getMessage();
        assertTrue(message.contains(part), message);
    }

    @Test
    void startAndReuse(Emulator shared) {
        Emulator own = Emulator.start(environment("PORTRAITD_URL", ""));
        assertTrue(own.started());
        assertNotEquals(shared.url(), own.url());
        Emulator reused = Emulator.start(environment("PORTRAITD_URL", own.url()));
        assertFalse(reused.started());
        reused.close();
        own.createApp(false, false).delete();
        own.close();
        fails("which PORTRAITD_URL names", () -> reused.createApp(false, false));
        fails("has ended, exit code 0", () -> own.createApp(false, false));
    }

    @Test
    void anEmulatorThatWasNotFound() {
        fails("PORTRAITD_BINARY is /nothing, and that is no program. Install it",
                () -> Emulator.start(environment("PORTRAITD_BINARY", "/nothing")));
        fails("the program portraitd was not found. Install it",
                () -> Emulator.start(Map.of("PATH", "/nothing")));
    }

    /** Starts an emulator of its own, and waits to be killed. */
    static final class Killed {
        public static void main(String[] arguments) throws Exception {
            System.out.println(Emulator.start(environment("PORTRAITD_URL", "")).url());
            Thread.sleep(60_000);
        }
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void itEndsWithAJvmThatIsKilled() throws Exception {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        ProcessBuilder builder = new ProcessBuilder(java, "-cp", System.getProperty("java.class.path"), Killed.class.getName());
        Process child = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String url = new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8)).readLine();
        Emulator emulator = Emulator.start(environment("PORTRAITD_URL", url));
        child.destroyForcibly().waitFor();
        for (int tries = 0; tries < 100; tries++) {
            try {
                emulator.control("GET", "/clock", null);
            } catch (EmulatorException gone) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError("the emulator goes on");
    }
}
