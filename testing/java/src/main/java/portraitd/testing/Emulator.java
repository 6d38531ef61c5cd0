package portraitd.testing;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/** A portraitd emulator ({@code portraitd dev}). */
public final class Emulator implements AutoCloseable {
    /** The emulator is not there, or refused a control call. The text says what to do. */
    public static final class EmulatorException extends RuntimeException {
        private static final long serialVersionUID = 1;

        EmulatorException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /**
     * The emulator reads nothing from standard input; the shell beside it does, and ends it when this JVM is gone, also after
     * SIGKILL: then the pipe's other end is closed.
     */
    private static final String GUARD = "exec 3<&0; \"$@\" </dev/null 3<&- & p=$!; "
            + "{ read -r _ <&3; kill $p; } >/dev/null 2>&1 & exec 3<&-; wait $p; s=$?; kill $! 2>/dev/null; exit $s";
    private static final Duration START_LIMIT = Duration.ofSeconds(20);
    private static final boolean WINDOWS = File.separatorChar == '\\';
    private static final String INSTALL = " Install it from a checkout of portraitd (cargo install --locked --path "
            + "crates/portraitd) so that PATH has it, or name the program in PORTRAITD_BINARY, or name a running emulator in "
            + "PORTRAITD_URL.";
    /** Without a proxy: the JVM's is not for the control API. */
    private static final HttpClient CLIENT = HttpClient.newBuilder().proxy(HttpClient.Builder.NO_PROXY)
            .version(HttpClient.Version.HTTP_1_1).build();

    private final String url;
    private final String token;
    private final Process process;
    private final RandomAccessFile stderr;
    private boolean clockWasMoved;

    private Emulator(String url, String token, Process process, RandomAccessFile stderr) {
        this.url = url.replaceAll("/+$", "");
        this.token = token;
        this.process = process;
        this.stderr = stderr;
    }

    /**
     * Reuses the emulator at PORTRAITD_URL (with PORTRAITD_ADMIN_TOKEN if it is on another machine), or starts one on free
     * ports.
     */
    public static Emulator start() {
        return start(System.getenv());
    }

    static Emulator start(Map<String, String> environment) {
        String running = environment.getOrDefault("PORTRAITD_URL", "");
        if (!running.isEmpty()) {
            Emulator emulator = new Emulator(running, environment.get("PORTRAITD_ADMIN_TOKEN"), null, null);
            emulator.control("GET", "/clock", null);
            return emulator;
        }
        List<String> command = new ArrayList<>(WINDOWS ? List.of() : List.of("sh", "-c", GUARD, "sh"));
        command.addAll(List.of(binary(environment), "dev", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"));
        ProcessBuilder builder = new ProcessBuilder(command);
        // PORTRAITD_SERVER_DATA, for one, would have it keep its data, and there are no throw-away apps then.
        builder.environment().keySet().removeIf(name -> name.startsWith("PORTRAITD_SERVER_"));
        try {
            File file = File.createTempFile("portraitd-", ".stderr");
            Process process = builder.redirectError(file).start();
            RandomAccessFile stderr = new RandomAccessFile(file, "r");
            // Where an open file can be deleted, nothing is left behind by a JVM that is killed.
            if (!file.delete()) {
                file.deleteOnExit();
            }
            Map<String, Object> said = firstLine(process, stderr);
            return new Emulator((String) said.get("url"), (String) said.get("admin_token"), process, stderr);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** Makes an app: {@code empty} leaves the sample accounts out, {@code webhook} sends its changes to the emulator's receiver. */
    public App createApp(boolean empty, boolean webhook) {
        Map<String, Object> made = Json.object(control("POST", "/apps", Map.of("empty", empty, "webhook", webhook)));
        return new App(this, url, (Long) made.get("sdkappid"), (String) made.get("key"), (String) made.get("admin"),
                (String) made.get("usersig"));
    }

    /** Where it answers. */
    public String url() {
        return url;
    }

    /** Whether {@link #start} started it, so that {@link #close} ends it. */
    public boolean started() {
        return process != null;
    }

    /** Calls the control API, below {@code /_portraitd}, and returns its parsed JSON. */
    public Object control(String method, String path, Map<String, ?> body) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + "/_portraitd" + path))
                .timeout(Duration.ofMinutes(1)).header("Content-Type", "application/json").method(method, body == null
                        ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(Json.write(body)));
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        HttpResponse<String> answer;
        try {
            answer = CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException error) {
            throw new EmulatorException(gone(error), error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new EmulatorException("interrupted", error);
        }
        if (answer.statusCode() >= 400) {
            String what = method + " " + answer.uri() + " was refused: " + answer.statusCode() + " " + answer.body();
            throw new EmulatorException(what, null);
        }
        try {
            return answer.body().isEmpty() ? null : Json.parse(answer.body());
        } catch (IllegalArgumentException error) {
            throw new EmulatorException(answer.uri() + " is no portraitd emulator: " + error.getMessage(), error);
        }
    }

    /** Ends the emulator if {@link #start} started it; a reused one goes on. It ends with the JVM as well. */
    @Override
    public void close() {
        if (process != null) {
            end(process);
        }
    }

    synchronized void advance(Duration span) {
        clockWasMoved = true;
        control("PUT", "/clock", Map.of("advance", span.toMillis()));
    }

    synchronized void releaseClock() {
        if (clockWasMoved) {
            control("DELETE", "/clock", null);
            clockWasMoved = false;
        }
    }

    private static Map<String, Object> firstLine(Process process, RandomAccessFile stderr) throws IOException {
        CompletableFuture<String> line = new CompletableFuture<>();
        Thread reader = new Thread(() -> {
            try (BufferedReader out = new BufferedReader(
                    new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                line.complete(String.valueOf(out.readLine()));
                // So that the emulator never waits for a full pipe.
                out.lines().forEach(more -> { });
            } catch (IOException | UncheckedIOException error) {
                line.complete(error.toString());
            }
        });
        reader.setDaemon(true);
        reader.start();
        try {
            return Json.object(Json.parse(line.get(START_LIMIT.toSeconds(), TimeUnit.SECONDS)));
        } catch (TimeoutException | ExecutionException | InterruptedException | RuntimeException error) {
            end(process);
            throw new EmulatorException("`portraitd dev` did not start: " + said(process, stderr), error);
        }
    }

    private static String binary(Map<String, String> environment) {
        String named = environment.getOrDefault("PORTRAITD_BINARY", "");
        if (!named.isEmpty()) {
            if (!new File(named).canExecute()) {
                throw new EmulatorException("PORTRAITD_BINARY is " + named + ", and that is no program." + INSTALL, null);
            }
            return new File(named).getAbsolutePath();
        }
        Stream<String> folders = Arrays.stream(environment.getOrDefault("PATH", "").split(File.pathSeparator));
        return folders.map(folder -> new File(folder, WINDOWS ? "portraitd.exe" : "portraitd"))
                .filter(file -> file.isFile() && file.canExecute()).map(File::getAbsolutePath).findFirst()
                .orElseThrow(() -> new EmulatorException("the program portraitd was not found." + INSTALL, null));
    }

    private static void end(Process process) {
        try {
            process.getOutputStream().close();
            if (WINDOWS) {
                process.destroy();
            }
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (IOException error) {
            process.destroyForcibly();
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    private String gone(IOException why) {
        String reason = why.getMessage() == null ? why.getClass().getSimpleName() : why.getMessage();
        if (process == null) {
            return "no portraitd emulator answers at " + url + ", which PORTRAITD_URL names: " + reason
                    + ". Start it (portraitd dev), or unset PORTRAITD_URL to have one started for the tests.";
        }
        try {
            if (process.waitFor(1, TimeUnit.SECONDS)) {
                return "the portraitd emulator at " + url + " has ended, " + said(process, stderr);
            }
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
        return "the portraitd emulator at " + url + " runs, but does not answer: " + reason;
    }

    private static String said(Process process, RandomAccessFile stderr) {
        String how = process.isAlive() ? "it still runs" : "exit code " + process.exitValue();
        try {
            stderr.seek(Math.max(0, stderr.length() - 2000));
            byte[] end = new byte[(int) (stderr.length() - stderr.getFilePointer())];
            stderr.readFully(end);
            String text = new String(end, StandardCharsets.UTF_8).strip();
            return how + ": " + (text.isEmpty() ? "it printed nothing" : text);
        } catch (IOException error) {
            return how;
        }
    }
}
