<?php

declare(strict_types=1);

namespace Portraitd\Testing;

/** A portraitd emulator (`portraitd dev`). */
final class Emulator
{
    /**
     * The emulator reads nothing from standard input; the shell beside it does, and ends it when this process is gone, also
     * after SIGKILL: then the pipe's other end is closed.
     */
    private const GUARD = 'exec 3<&0; "$@" </dev/null 3<&- & p=$!; { read -r _ <&3; kill $p; } >/dev/null 2>&1 & '
        . 'exec 3<&-; wait $p; s=$?; kill $! 2>/dev/null; exit $s';
    private const START_SECONDS = 20;
    private const INSTALL = ' Install it from a checkout of portraitd (cargo install --locked --path crates/portraitd) so that '
        . 'PATH has it, or name the program in PORTRAITD_BINARY, or name a running emulator in PORTRAITD_URL.';

    private static ?self $shared = null;

    /**
     * @param resource|null $process
     * @param array<int, resource> $pipes
     * @param resource|null $stderr
     */
    private function __construct(
        public readonly string $url,
        private readonly ?string $token,
        private $process = null,
        private array $pipes = [],
        private $stderr = null,
        private ?int $exitCode = null,
    ) {
    }

    /** This process's emulator, which is started by the first call and ends with the process. */
    public static function shared(): self
    {
        return self::$shared ??= self::start();
    }

    /**
     * Reuses the emulator at PORTRAITD_URL (with PORTRAITD_ADMIN_TOKEN if it is on another machine), or starts one on free
     * ports, which ends with the object that is returned.
     */
    public static function start(): self
    {
        $running = (string) getenv('PORTRAITD_URL');
        if ($running !== '') {
            $emulator = new self(rtrim($running, '/'), getenv('PORTRAITD_ADMIN_TOKEN') ?: null);
            $emulator->control('GET', '/clock');
            return $emulator;
        }
        $command = [self::binary(), 'dev', '--json', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];
        if (PHP_OS_FAMILY !== 'Windows') {
            array_unshift($command, 'sh', '-c', self::GUARD, 'sh');
        }
        // PORTRAITD_SERVER_DATA, for one, would have it keep its data, and there are no throw-away apps then.
        $isKept = fn (string $name): bool => !str_starts_with($name, 'PORTRAITD_SERVER_');
        $environment = array_filter(getenv(), $isKept, ARRAY_FILTER_USE_KEY);
        // Files, since nothing reads a pipe while the tests run. Where an open file can be deleted, none is left behind.
        [$out, $err] = [(string) tempnam(sys_get_temp_dir(), 'portraitd-'), (string) tempnam(sys_get_temp_dir(), 'portraitd-')];
        $process = proc_open($command, [['pipe', 'r'], ['file', $out, 'a'], ['file', $err, 'a']], $pipes, null, $environment);
        [$stdout, $stderr] = [fopen($out, 'r'), fopen($err, 'r')];
        array_map(fn (string $file): bool => @unlink($file), [$out, $err]);
        if ($process === false) {
            throw new EmulatorException('`portraitd dev` could not be started');
        }
        $said = null;
        for ($tries = 0; $tries < self::START_SECONDS * 100 && $said === null; $tries++) {
            // PHP gives the exit code once.
            $status = proc_get_status($process);
            $said = json_decode((string) strtok((string) stream_get_contents($stdout, null, 0), "\n"), true);
            if ($said === null && !$status['running']) {
                break;
            }
            usleep(10_000);
        }
        $exitCode = $status['running'] ? null : $status['exitcode'];
        $emulator = new self($said['url'] ?? '', $said['admin_token'] ?? null, $process, $pipes, $stderr, $exitCode);
        if ($said === null) {
            $emulator->stop();
            throw new EmulatorException('`portraitd dev` did not start: ' . $emulator->said());
        }
        return $emulator;
    }

    /**
     * Makes an app like the one that `dev` made (or the app `like`): `empty` leaves the sample accounts out, `webhook` sends
     * its changes to the emulator's own webhook receiver.
     *
     * @param array{empty?: bool, webhook?: bool, like?: int} $options
     */
    public function createApp(array $options = []): App
    {
        $made = $this->control('POST', '/apps', $options);
        return new App($this, $this->url, $made['sdkappid'], $made['key'], $made['admin'], $made['usersig']);
    }

    /** Whether `start` started it, so that `stop` ends it. */
    public function started(): bool
    {
        return $this->process !== null;
    }

    /**
     * Calls the control API, below `/_portraitd`, and returns its JSON.
     *
     * @param array<string, mixed>|null $body
     */
    public function control(string $method, string $path, ?array $body = null): mixed
    {
        $url = "$this->url/_portraitd$path";
        $headers = ['Content-Type: application/json', 'Connection: close'];
        if ($this->token !== null) {
            $headers[] = "Authorization: Bearer $this->token";
        }
        $content = $body === null ? '' : json_encode((object) $body, JSON_THROW_ON_ERROR);
        // PHP's streams follow no proxy of the environment.
        $context = stream_context_create(['http' => [
            'method' => $method, 'header' => $headers, 'content' => $content, 'ignore_errors' => true, 'timeout' => 60,
        ]]);
        error_clear_last();
        $text = @file_get_contents($url, false, $context);
        if ($text === false) {
            throw new EmulatorException($this->gone(error_get_last()['message'] ?? 'no answer'));
        }
        $status = (int) substr($http_response_header[0], 9, 3);
        if ($status >= 400) {
            throw new EmulatorException("$method $url was refused: $status $text");
        }
        $answer = json_decode($text, true);
        if ($answer === null && $text !== '') {
            throw new EmulatorException("$url is no portraitd emulator: " . substr($text, 0, 100));
        }
        return $answer;
    }

    /** Ends the emulator if `start` started it; a reused one goes on. It ends with this process as well. */
    public function stop(): void
    {
        if ($this->process === null || $this->exitCode !== null) {
            return;
        }
        fclose($this->pipes[0]);
        if (PHP_OS_FAMILY === 'Windows') {
            proc_terminate($this->process);
        }
        for ($tries = 0; $tries < 1000 && !$this->hasEnded(); $tries++) {
            usleep(10_000);
        }
    }

    private function hasEnded(): bool
    {
        if ($this->exitCode === null) {
            $status = proc_get_status($this->process);
            $this->exitCode = $status['running'] ? null : $status['exitcode'];
        }
        return $this->exitCode !== null;
    }

    private function gone(string $why): string
    {
        if ($this->process === null) {
            return "no portraitd emulator answers at $this->url, which PORTRAITD_URL names: $why. Start it (portraitd dev), or "
                . 'unset PORTRAITD_URL to have one started for the tests.';
        }
        for ($tries = 0; $tries < 100 && !$this->hasEnded(); $tries++) {
            usleep(10_000);
        }
        return $this->hasEnded()
            ? "the portraitd emulator at $this->url has ended, " . $this->said()
            : "the portraitd emulator at $this->url runs, but does not answer: $why";
    }

    private function said(): string
    {
        $text = trim((string) stream_get_contents($this->stderr, null, 0));
        return 'exit code ' . ($this->exitCode ?? 'unknown') . ': ' . (substr($text, -2000) ?: 'it printed nothing');
    }

    private static function binary(): string
    {
        $named = (string) getenv('PORTRAITD_BINARY');
        if ($named !== '') {
            return is_file($named) && is_executable($named)
                ? (string) realpath($named)
                : throw new EmulatorException("PORTRAITD_BINARY is $named, and that is no program." . self::INSTALL);
        }
        $name = PHP_OS_FAMILY === 'Windows' ? 'portraitd.exe' : 'portraitd';
        foreach (explode(PATH_SEPARATOR, (string) getenv('PATH')) as $folder) {
            if (is_file("$folder/$name") && is_executable("$folder/$name")) {
                return "$folder/$name";
            }
        }
        throw new EmulatorException('the program portraitd was not found.' . self::INSTALL);
    }
}
